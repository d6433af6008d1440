// Sweep files: text becomes a sweep or mistakes in words. Expansion is left out: a digit more in a
// count is a large sweep, which is no mistake and takes its time.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/check.h"
#include "common/spec/yaml/read_sweep.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const plateau::Result<plateau::Sweep> sweep =
      plateau::read_sweep({text, "s.yaml", "/folder", {}, "/cwd"});
  PLATEAU_CHECK(sweep.ok() || !sweep.error().message.empty(), "an error without words");
  return 0;
}
