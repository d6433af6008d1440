#include "coordinator/cli/measurements.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/spec/memory_estimate.h"

namespace plateau::cli {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostKept = 1'000;
// Trials between a quarter of the size and four times it tell most: the short ones are mostly
// loading, the long ones hardly.
constexpr double kAlike = 4.0;

fs::path file_of(const fs::path& cache) {
  return cache / "measurements.jsonl";
}

std::int64_t padded_tokens(const Trial& trial, const TaskSource& task) {
  return std::llround(tokens_at_once(trial, task));
}

Json to_json(const Measurement& m) {
  return {{"format", "plateau-measurement/1"},
          {"run", m.run},
          {"device", m.device},
          {"base", m.base},
          {"method", m.method},
          {"precision", m.precision},
          {"tokens_at_once", m.tokens_at_once},
          {"trials", m.trials},
          {"train_tokens", m.train_tokens},
          {"flops", m.flops},
          {"device_seconds", m.device_seconds},
          {"tokens_per_s", static_cast<double>(m.train_tokens) / m.device_seconds},
          {"peak_memory_bytes", m.peak_memory_bytes},
          {"wall_ms", m.wall_ms}};
}

// nullopt: a line of another version, or torn.
std::optional<Measurement> from_json(const Json& json) {
  if (!json.is_object() || json.value("format", Json()) != "plateau-measurement/1") return {};
  Measurement m;
  try {
    json.at("run").get_to(m.run);
    json.at("device").get_to(m.device);
    json.at("base").get_to(m.base);
    json.at("method").get_to(m.method);
    json.at("precision").get_to(m.precision);
    json.at("tokens_at_once").get_to(m.tokens_at_once);
    json.at("trials").get_to(m.trials);
    json.at("train_tokens").get_to(m.train_tokens);
    json.at("flops").get_to(m.flops);
    json.at("device_seconds").get_to(m.device_seconds);
    json.at("peak_memory_bytes").get_to(m.peak_memory_bytes);
    json.at("wall_ms").get_to(m.wall_ms);
  } catch (const Json::exception&) {
    return {};
  }
  const bool tells = m.trials > 0 && m.flops > 0 && m.device_seconds > 0 &&
                     std::isfinite(m.flops) && std::isfinite(m.device_seconds);
  return tells ? std::optional(m) : std::nullopt;
}

double flops_per_trial(const Measurement& m) {
  return m.flops / static_cast<double>(m.trials);
}

// How far the sizes are apart, as a factor of 1 and more.
double apart(const Measurement& m, double flops) {
  const double ratio = flops_per_trial(m) / flops;
  return ratio < 1 ? 1 / ratio : ratio;
}

// A GPU calls itself by its name or number; what it needs is not in the process's resident set.
bool is_gpu(const std::string& device) {
  return device.rfind("cuda", 0) == 0 || device.rfind("NVIDIA", 0) == 0;
}

// The device of the newest measurement, one of the sweep's bases if there is any.
std::string device_for(const std::vector<Measurement>& known, const Sources& sources) {
  std::string device;
  bool of_base = false;
  for (const Measurement& m : known) {
    const bool fits = sources.bases.count(m.base) != 0;
    if (of_base && !fits) continue;
    of_base = of_base || fits;
    device = m.device;
  }
  return device;
}

}  // namespace

std::vector<Measurement> measure(const RunView& run, const std::map<TrialId, double>& device_ms,
                                 const Sources& sources, const std::string& run_folder,
                                 TimeMs wall_ms) {
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::int64_t>,
           Measurement>
      groups;
  for (const TrialRow& row : run.trials) {
    const auto time = device_ms.find(row.id);
    const auto base = sources.bases.find(row.trial.base->name);
    const auto task = sources.tasks.find(row.trial.task->name);
    if (row.state != TrialState::kFinished || !row.reused_from.empty() || row.device_name.empty() ||
        time == device_ms.end() || base == sources.bases.end() || task == sources.tasks.end()) {
      continue;
    }
    const Trial trial = row.trial.trial();
    const double flops = estimate_trial(trial, base->second, task->second).flops;
    if (flops <= 0) continue;
    const std::int64_t tokens = padded_tokens(trial, task->second);
    Measurement& m = groups[{row.device_name, row.trial.base->name, row.trial.adapter->method,
                             row.trial.protocol->precision, tokens}];
    m.run = run_folder;
    m.device = row.device_name;
    m.base = row.trial.base->name;
    m.method = row.trial.adapter->method;
    m.precision = row.trial.protocol->precision;
    m.tokens_at_once = tokens;
    m.wall_ms = wall_ms;
    ++m.trials;
    m.train_tokens += row.train_tokens;
    m.flops += flops;
    m.device_seconds += time->second / 1000;
    const std::int64_t peak = is_gpu(row.device_name) ? 0 : row.peak_memory_bytes;
    if (m.trials == 1 || peak < m.peak_memory_bytes) m.peak_memory_bytes = peak;
  }
  std::vector<Measurement> taken;
  for (auto& [key, m] : groups)
    taken.push_back(std::move(m));
  return taken;
}

std::vector<Measurement> read_measurements(const fs::path& cache) {
  std::vector<Measurement> known;
  const Result<std::string> text = read_file(file_of(cache));
  if (!text) return known;
  for (const std::string& line : split(*text, '\n')) {
    if (auto m = from_json(Json::parse(line, nullptr, /*allow_exceptions=*/false)))
      known.push_back(std::move(*m));
  }
  return known;
}

Status put_measurements(const fs::path& cache, const std::vector<Measurement>& taken) {
  if (taken.empty()) return {};
  std::vector<Measurement> all = read_measurements(cache);
  std::erase_if(all, [&](const Measurement& m) { return m.run == taken.front().run; });
  all.insert(all.end(), taken.begin(), taken.end());
  std::string text;
  for (std::size_t i = all.size() > kMostKept ? all.size() - kMostKept : 0; i < all.size(); ++i)
    text += to_json(all[i]).dump() + "\n";
  return write_file_atomically(file_of(cache), text);
}

CostModel::CostModel(std::vector<Measurement> known, const LoadedSweep& loaded, ComputeRate assumed)
    : known_(std::move(known)), assumed_(std::move(assumed)) {
  const std::string device = device_for(known_, loaded.sources);
  std::erase_if(known_, [&](const Measurement& m) { return m.device != device; });
}

// Of the same base and method, else of the same base, else in the same precision.
std::vector<Measurement> CostModel::alike(const Trial& trial) const {
  std::vector<Measurement> found;
  int closest = 0;
  for (const Measurement& m : known_) {
    if (m.precision != trial.protocol.precision) continue;
    const bool same_base = m.base == trial.base.name;
    const int closeness = same_base && m.method == trial.adapter.method ? 3 : same_base ? 2 : 1;
    if (closeness < closest) continue;
    if (closeness > closest) found.clear();
    closest = closeness;
    found.push_back(m);
  }
  return found;
}

double CostModel::seconds(const Trial& trial, const TrialEstimate& estimate) const {
  if (estimate.flops <= 0) return 0;
  const std::vector<Measurement> found = alike(trial);
  if (found.empty()) return estimate.flops / assumed_.flops_per_s;
  const Measurement& nearest =
      *std::min_element(found.begin(), found.end(), [&](const auto& a, const auto& b) {
        return apart(a, estimate.flops) < apart(b, estimate.flops);
      });
  const double reach = std::max(kAlike, apart(nearest, estimate.flops));
  double flops = 0, seconds = 0;
  for (const Measurement& m : found) {
    if (apart(m, estimate.flops) > reach) continue;
    flops += m.flops;
    seconds += m.device_seconds;
  }
  return estimate.flops * seconds / flops;
}

std::optional<std::int64_t> CostModel::peak_memory(const Trial& trial,
                                                   const TaskSource& task) const {
  const std::int64_t tokens = padded_tokens(trial, task);
  std::optional<std::int64_t> least;
  for (const Measurement& m : known_) {
    if (m.base != trial.base.name || m.method != trial.adapter.method ||
        m.precision != trial.protocol.precision || m.tokens_at_once != tokens ||
        m.peak_memory_bytes <= 0) {
      continue;
    }
    least = std::min(least.value_or(m.peak_memory_bytes), m.peak_memory_bytes);
  }
  return least;
}

std::string CostModel::source(const std::vector<PlannedTrial>& trials) const {
  bool any = false, all = true;          // are measured
  std::map<std::string, bool> measured;  // by precision: nothing else leaves a trial without
  for (const PlannedTrial& planned : trials) {
    const auto [known, is_new] = measured.try_emplace(planned.protocol->precision);
    if (is_new) known->second = !alike(planned.trial()).empty();
    any = any || known->second;
    all = all && known->second;
  }
  if (known_.empty() || (!any && !trials.empty())) return assumed_.source;
  std::int64_t count = 0;
  for (const Measurement& m : known_)
    count += m.trials;
  const std::string text =
      "measured: " + std::to_string(count) + " trials on " + known_.front().device;
  return all ? text : text + "; in a precision that was not measured " + assumed_.source;
}

}  // namespace plateau::cli
