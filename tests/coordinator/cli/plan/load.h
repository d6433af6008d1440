// A sweep as `plateau plan` reads it, of a text.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/catalogue/load_sweep.h"
#include "tests/common/catalogue/temporary_folder.h"

namespace plateau::cli {

inline LoadedSweep load(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const plateau::testing::TemporaryFolder folder;
  std::vector<std::string> all = {"name=study"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  Result<LoadedSweep> loaded = load_sweep({folder.write("s.yaml", yaml), all, false},
                                          Catalogue::load().value(), folder.path());
  EXPECT_TRUE(loaded) << loaded.error().message;
  return loaded.value();
}

}  // namespace plateau::cli
