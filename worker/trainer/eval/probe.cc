#include "worker/trainer/eval/probe.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace plateau::trainer {
namespace {

constexpr std::int64_t kMaxIterations = 2000;
constexpr std::size_t kHistory = 20;
constexpr double kTolerance = 1e-6;

// Mean cross entropy with an L2 penalty on the weights, at a flat parameter vector.
class LogisticObjective {
 public:
  LogisticObjective(const at::Tensor& features, const std::vector<std::int64_t>& labels,
                    std::int64_t classes, double l2)
      : x_(at::cat({features, at::ones({features.size(0), 1}, features.options())}, 1)),
        target_(at::one_hot(at::tensor(labels, at::kLong), classes).to(at::kDouble)),
        penalty_(at::full({classes, x_.size(1)}, l2, x_.options())) {
    penalty_.select(1, x_.size(1) - 1).zero_();
  }

  std::int64_t size() const { return penalty_.numel(); }

  double operator()(const at::Tensor& flat, at::Tensor& gradient) const {
    const at::Tensor w = flat.view_as(penalty_);
    const at::Tensor log_probabilities = at::log_softmax(at::mm(x_, w.t()), 1);
    const auto n = static_cast<double>(x_.size(0));
    const at::Tensor residual = (log_probabilities.exp() - target_) / n;
    gradient = (at::mm(residual.t(), x_) + penalty_ * w).reshape(-1);
    const double loss = -(log_probabilities * target_).sum().item<double>() / n;
    return loss + 0.5 * (penalty_ * w * w).sum().item<double>();
  }

  // Rows are classes; the last column is the bias.
  at::Tensor matrix(const at::Tensor& flat) const { return flat.view_as(penalty_); }

 private:
  at::Tensor x_, target_, penalty_;
};

double scalar_product(const at::Tensor& a, const at::Tensor& b) {
  return at::dot(a, b).item<double>();
}

struct Correction {
  at::Tensor step, change;
  double inverse_product;
};

// The two-loop recursion (Nocedal and Wright, algorithm 7.4).
at::Tensor descent_direction(const at::Tensor& gradient, const std::deque<Correction>& history) {
  at::Tensor q = -gradient;
  std::vector<double> alphas(history.size());
  for (std::size_t i = history.size(); i-- > 0;) {
    alphas[i] = history[i].inverse_product * scalar_product(history[i].step, q);
    q = q - history[i].change * alphas[i];
  }
  if (!history.empty()) {
    const Correction& last = history.back();
    q = q * (1.0 / (last.inverse_product * scalar_product(last.change, last.change)));
  }
  for (std::size_t i = 0; i < history.size(); ++i) {
    const double beta = history[i].inverse_product * scalar_product(history[i].change, q);
    q = q + history[i].step * (alphas[i] - beta);
  }
  return q;
}

}  // namespace

at::Tensor LinearFit::logits(const at::Tensor& features) const {
  return at::linear(features.to(at::kCPU, at::kDouble), weight, bias);
}

LinearFit fit_logistic(const at::Tensor& features, const std::vector<std::int64_t>& labels,
                       std::int64_t classes, double l2) {
  const at::NoGradGuard no_grad;
  const LogisticObjective objective(features.to(at::kCPU, at::kDouble), labels, classes, l2);
  at::Tensor point = at::zeros({objective.size()}, at::kDouble);
  at::Tensor gradient;
  double value = objective(point, gradient);
  std::deque<Correction> history;
  LinearFit fit;
  while (fit.iterations < kMaxIterations && gradient.norm().item<double>() > kTolerance) {
    at::Tensor direction = descent_direction(gradient, history);
    double slope = scalar_product(gradient, direction);
    if (slope >= 0.0) {  // Rounding broke the curvature estimate: start it again.
      history.clear();
      direction = -gradient;
      slope = -scalar_product(gradient, gradient);
    }
    // The objective is convex, so halving until Armijo's condition holds is enough.
    double length = history.empty() ? std::min(1.0, 1.0 / std::sqrt(-slope)) : 1.0;
    at::Tensor next, next_gradient;
    double next_value = 0.0;
    for (int halvings = 0;; ++halvings) {
      next = point + direction * length;
      next_value = objective(next, next_gradient);
      if (next_value <= value + 1e-4 * length * slope || halvings == 60) break;
      length *= 0.5;
    }
    ++fit.iterations;
    if (!(next_value < value)) break;  // No further progress in double precision.
    const at::Tensor step = next - point, change = next_gradient - gradient;
    const double product = scalar_product(step, change);
    if (product > 0.0) history.push_back({step, change, 1.0 / product});
    if (history.size() > kHistory) history.pop_front();
    point = next;
    gradient = next_gradient;
    value = next_value;
  }
  const at::Tensor matrix = objective.matrix(point);
  const std::int64_t width = matrix.size(1) - 1;
  fit.weight = matrix.narrow(1, 0, width).clone();
  fit.bias = matrix.select(1, width).clone();
  fit.gradient_norm = gradient.norm().item<double>();
  fit.converged = fit.gradient_norm <= kTolerance;
  return fit;
}

LinearFit fit_ridge(const at::Tensor& features, const std::vector<double>& targets, double l2) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = features.to(at::kCPU, at::kDouble);
  const at::Tensor y = at::tensor(targets, at::kDouble);
  const at::Tensor mean_x = x.mean(0), mean_y = y.mean();
  const at::Tensor centred = x - mean_x;
  const auto n = static_cast<double>(x.size(0));
  // A trace of penalty keeps the system solvable where features are dependent and l2 is 0.
  const at::Tensor gram =
      at::mm(centred.t(), centred) / n + at::eye(x.size(1), x.options()) * std::max(l2, 1e-10);
  const at::Tensor moment = at::mv(centred.t(), y - mean_y) / n;
  const at::Tensor weight = at::linalg_solve(gram, moment);
  return {weight.unsqueeze(0), (mean_y - at::dot(weight, mean_x)).unsqueeze(0), 1, 0.0, true};
}

std::vector<double> majority_logits(const Split& train, std::int64_t classes, bool regression) {
  if (regression) {
    return {std::accumulate(train.targets.begin(), train.targets.end(), 0.0) /
            static_cast<double>(train.targets.size())};
  }
  std::vector<double> counts(static_cast<std::size_t>(classes), 0.0);
  for (const std::int64_t label : train.labels)
    counts[static_cast<std::size_t>(label)] += 1.0;
  // The logarithm of a class that never occurs is kept finite: its share is then nearly 0.
  for (double& count : counts)
    count = std::log(std::max(count, 1e-9) / static_cast<double>(train.size()));
  return counts;
}

}  // namespace plateau::trainer
