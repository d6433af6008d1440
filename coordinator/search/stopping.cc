#include "coordinator/search/stopping.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "common/base/check.h"
#include "common/base/text.h"

namespace plateau::search {
namespace {

// Far more evaluations than any training has; keeps powers of eta in range.
constexpr double kEvaluationsMax = 1e9;

double loss_at(const Curve& curve, std::size_t index) {
  const double loss = curve[index];
  return std::isfinite(loss) ? loss : std::numeric_limits<double>::infinity();
}

double best_until(const Curve& curve, std::size_t evaluations) {
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < evaluations; ++i)
    best = std::min(best, loss_at(curve, i));
  return best;
}

// How a loss is told: as it is, or as the value of a metric of which more is better.
struct Words {
  bool maximized = false;

  std::string of(double loss) const {
    const std::string what = maximized ? "value of " : "loss of ";
    return what + number(loss);
  }
  std::string number(double loss) const {
    if (!std::isfinite(loss)) return "not finite";
    std::ostringstream text;  // six digits
    text << (maximized ? 0 - loss : loss);
    return text.str();
  }
};

// The trial goes on when at most a 1 / eta share, rounded up, of all is strictly better or it
// itself.
std::optional<std::string> halve(double ours, const std::vector<double>& all, double eta,
                                 std::int64_t rung, Words words) {
  const auto better = static_cast<std::int64_t>(
      std::count_if(all.begin(), all.end(), [ours](double other) { return other < ours; }));
  const auto count = static_cast<std::int64_t>(all.size());
  // One alone is not compared with anybody.
  const auto go_on =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(count) / eta));
  if (static_cast<double>(count) < eta || better < go_on) return std::nullopt;
  return "its " + words.of(ours) + " after " + std::to_string(rung) + " evaluations is number " +
         std::to_string(better + 1) + " of " + std::to_string(count) + "; the best " +
         std::to_string(go_on) + " go on";
}

std::int64_t rung_at(std::int64_t min_iter, double eta, int power) {
  return std::llround(
      std::min(kEvaluationsMax, static_cast<double>(min_iter) * std::pow(eta, power)));
}

std::optional<std::string> judge(const SuccessiveHalving& rule, const std::vector<Curve>& curves,
                                 std::size_t trial, Words words) {
  PLATEAU_CHECK(rule.min_iter > 0 && rule.eta > 1 && rule.brackets > 0,
                "min_iter and brackets are at least 1, eta is above 1");
  const auto brackets = static_cast<std::size_t>(rule.brackets);
  const auto now = static_cast<std::int64_t>(curves[trial].size());
  int power = static_cast<int>(trial % brackets);
  std::int64_t rung = rung_at(rule.min_iter, rule.eta, power);
  while (rung < now)
    rung = rung_at(rule.min_iter, rule.eta, ++power);
  if (rung != now) return std::nullopt;
  std::vector<double> all;
  for (std::size_t i = trial % brackets; i < curves.size(); i += brackets) {
    const auto reached = static_cast<std::int64_t>(curves[i].size());
    if (reached >= rung) all.push_back(loss_at(curves[i], static_cast<std::size_t>(rung) - 1));
  }
  return halve(loss_at(curves[trial], static_cast<std::size_t>(rung) - 1), all, rule.eta, rung,
               words);
}

std::optional<std::string> judge(const WandbHyperband& rule, const std::vector<Curve>& curves,
                                 std::size_t trial, Words words) {
  const auto now = static_cast<std::int64_t>(curves[trial].size());
  const auto next = std::upper_bound(rule.brackets.begin(), rule.brackets.end(), now);
  if (next == rule.brackets.begin()) return std::nullopt;
  const std::int64_t rung = *(next - 1);
  if (!rule.strict && rung != now) return std::nullopt;
  std::vector<double> all;
  for (const Curve& curve : curves) {
    if (static_cast<std::int64_t>(curve.size()) >= rung) {
      all.push_back(best_until(curve, static_cast<std::size_t>(rung)));
    }
  }
  const auto until = static_cast<std::size_t>(rule.strict ? now : rung);
  return halve(best_until(curves[trial], until), all, rule.eta, rung, words);
}

std::optional<std::string> judge(const Median& rule, const std::vector<Curve>& curves,
                                 std::size_t trial, Words words) {
  const std::size_t now = curves[trial].size();
  if (static_cast<std::int64_t>(now) < rule.min_iter) return std::nullopt;
  std::vector<double> averages;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (i == trial || curves[i].size() < now) continue;
    double sum = 0;
    for (std::size_t j = 0; j < now; ++j)
      sum += loss_at(curves[i], j);
    averages.push_back(sum / static_cast<double>(now));
  }
  const std::size_t count = averages.size();
  if (count == 0 || static_cast<std::int64_t>(count) < rule.min_trials) return std::nullopt;
  std::sort(averages.begin(), averages.end());
  const double median =
      count % 2 == 1 ? averages[count / 2] : (averages[count / 2 - 1] + averages[count / 2]) / 2;
  const double best = best_until(curves[trial], now);
  if (!(best > median)) return std::nullopt;
  return "its best " + words.of(best) + " after " + std::to_string(now) + " evaluations is " +
         (words.maximized ? "below " : "above ") + words.number(median) +
         ", the median of the means of " + std::to_string(count) + " others until there";
}

std::optional<std::string> judge(const Patience& rule, const std::vector<Curve>& curves,
                                 std::size_t trial, Words words) {
  const Curve& curve = curves[trial];
  double best = std::numeric_limits<double>::infinity();
  std::int64_t since = 0;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double loss = loss_at(curve, i);
    const bool better =
        std::isfinite(loss) && (!std::isfinite(best) || loss < best - rule.min_delta);
    since = better ? 0 : since + 1;
    if (better) best = loss;
  }
  if (since < rule.patience) return std::nullopt;
  return "its best " + words.of(best) + " has not " + (words.maximized ? "risen" : "fallen") +
         " by more than " + format_number(rule.min_delta) + " for " + std::to_string(since) +
         " evaluations";
}

}  // namespace

std::vector<std::int64_t> brackets_from_min(std::int64_t min_iter, double eta) {
  PLATEAU_CHECK(min_iter > 0 && eta > 1, "min_iter is at least 1, eta above 1");
  std::vector<std::int64_t> brackets;
  for (int k = 0; brackets.empty() || static_cast<double>(brackets.back()) < kEvaluationsMax; ++k) {
    const std::int64_t at = rung_at(min_iter, eta, k);
    if (brackets.empty() || at > brackets.back()) brackets.push_back(at);
  }
  return brackets;
}

std::vector<std::int64_t> brackets_from_max(std::int64_t max_iter, std::int64_t s, double eta) {
  PLATEAU_CHECK(max_iter > 0 && s > 0 && eta > 1, "max_iter and s are at least 1, eta above 1");
  std::vector<std::int64_t> brackets;
  double at = static_cast<double>(max_iter);
  for (std::int64_t k = 0; k < s && at / eta >= 1; ++k)
    brackets.push_back(static_cast<std::int64_t>(at /= eta));
  std::reverse(brackets.begin(), brackets.end());
  brackets.erase(std::unique(brackets.begin(), brackets.end()), brackets.end());
  return brackets;
}

std::optional<std::string> why_stop(const Rule& rule, const std::vector<Curve>& curves,
                                    std::size_t trial, bool maximized) {
  PLATEAU_CHECK(trial < curves.size(), "a trial that there is");
  if (curves[trial].empty()) return std::nullopt;
  return std::visit([&](const auto& one) { return judge(one, curves, trial, Words{maximized}); },
                    rule);
}

}  // namespace plateau::search
