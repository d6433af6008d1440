#include "worker/trainer/eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/base/check.h"

namespace plateau::trainer {
namespace {

struct Counts {
  std::vector<double> labelled, predicted, right;  // by class
};

Counts count(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& predictions,
             std::int64_t classes) {
  PLATEAU_CHECK(labels.size() == predictions.size(), "a prediction for every label");
  const auto size = static_cast<std::size_t>(classes);
  Counts counts{std::vector<double>(size), std::vector<double>(size), std::vector<double>(size)};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    const auto prediction = static_cast<std::size_t>(predictions[i]);
    counts.labelled[label] += 1.0;
    counts.predicted[prediction] += 1.0;
    if (label == prediction) counts.right[label] += 1.0;
  }
  return counts;
}

double class_f1(const Counts& counts, std::size_t k) {
  const double sum = counts.labelled[k] + counts.predicted[k];
  return sum == 0.0 ? 0.0 : 2.0 * counts.right[k] / sum;
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]])
      ++end;
    const double rank = static_cast<double>(begin + end - 1) / 2.0;
    for (; begin < end; ++begin)
      result[order[begin]] = rank;
  }
  return result;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double accuracy(const std::vector<std::int64_t>& labels,
                const std::vector<std::int64_t>& predictions) {
  PLATEAU_CHECK(labels.size() == predictions.size(), "a prediction for every label");
  if (labels.empty()) return 0.0;
  std::int64_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i)
    right += labels[i] == predictions[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

double f1(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& predictions,
          std::int64_t classes) {
  const Counts counts = count(labels, predictions, classes);
  if (classes == 2) return class_f1(counts, 1);
  double sum = 0.0;
  for (std::size_t k = 0; k < counts.right.size(); ++k)
    sum += class_f1(counts, k);
  return sum / static_cast<double>(classes);
}

double matthews(const std::vector<std::int64_t>& labels,
                const std::vector<std::int64_t>& predictions, std::int64_t classes) {
  const Counts counts = count(labels, predictions, classes);
  const auto n = static_cast<double>(labels.size());
  double right = 0.0, both = 0.0, labelled = 0.0, predicted = 0.0;
  for (std::size_t k = 0; k < counts.right.size(); ++k) {
    right += counts.right[k];
    both += counts.labelled[k] * counts.predicted[k];
    labelled += counts.labelled[k] * counts.labelled[k];
    predicted += counts.predicted[k] * counts.predicted[k];
  }
  const double scale = std::sqrt(n * n - predicted) * std::sqrt(n * n - labelled);
  return scale == 0.0 ? 0.0 : (right * n - both) / scale;
}

double pearson(const std::vector<double>& targets, const std::vector<double>& predictions) {
  PLATEAU_CHECK(targets.size() == predictions.size(), "a prediction for every target");
  if (targets.empty()) return 0.0;
  const double mean_x = mean(targets), mean_y = mean(predictions);
  double xy = 0.0, xx = 0.0, yy = 0.0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double x = targets[i] - mean_x, y = predictions[i] - mean_y;
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  return xx == 0.0 || yy == 0.0 ? 0.0 : xy / std::sqrt(xx) / std::sqrt(yy);
}

double spearman(const std::vector<double>& targets, const std::vector<double>& predictions) {
  return pearson(ranks(targets), ranks(predictions));
}

std::map<std::string, double> classification_metrics(const std::vector<std::int64_t>& labels,
                                                     const std::vector<std::int64_t>& predictions,
                                                     std::int64_t classes) {
  return {{"accuracy", accuracy(labels, predictions)},
          {"f1", f1(labels, predictions, classes)},
          {"matthews", matthews(labels, predictions, classes)}};
}

std::map<std::string, double> regression_metrics(const std::vector<double>& targets,
                                                 const std::vector<double>& predictions) {
  return {{"pearson", pearson(targets, predictions)}, {"spearman", spearman(targets, predictions)}};
}

std::map<std::string, double> language_metrics(double mean_loss) {
  constexpr double kLargest = 700.0;  // exp(710) is infinite, which JSON cannot say
  return {{"loss", mean_loss}, {"perplexity", std::exp(std::min(mean_loss, kLargest))}};
}

}  // namespace plateau::trainer
