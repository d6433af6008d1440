#include "coordinator/gateway/checkpoint_files.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "common/wire/codec.h"

namespace plateau {
namespace {

constexpr std::size_t kSha256Digits = 64;

std::string flat(std::string name) {
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

}  // namespace

std::string checkpoint_file(const ResumePoint& checkpoint) {
  return std::to_string(checkpoint.written_by.value) + "-" + flat(checkpoint.artifact.name) + "-" +
         checkpoint.artifact.sha256;
}

std::optional<ResumePoint> checkpoint_of_file(const std::string& file, std::uint64_t size_bytes) {
  std::string_view rest = file;
  ResumePoint found;
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), found.written_by.value);
  if (error != std::errc() || rest.size() < kSha256Digits) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  const std::string before_step = "-" + flat(wire::checkpoint_name(0));
  const std::string_view prefix = std::string_view(before_step).substr(0, before_step.size() - 1);
  if (!rest.starts_with(prefix)) return std::nullopt;
  rest.remove_prefix(prefix.size());
  const auto [step_end, step_error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), found.step);
  if (step_error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(step_end - rest.data()));
  if (rest.size() != 1 + kSha256Digits || rest.front() != '-') return std::nullopt;
  found.artifact = {wire::checkpoint_name(found.step), size_bytes, std::string(rest.substr(1))};
  return checkpoint_file(found) == file ? std::optional(found) : std::nullopt;
}

}  // namespace plateau
