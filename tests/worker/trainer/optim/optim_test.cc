#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "worker/trainer/adapters/init.h"
#include "worker/trainer/optim/adamw.h"
#include "worker/trainer/optim/schedule.h"

namespace plateau::trainer {
namespace {

TEST(Schedule, follows_hugging_faces_shapes) {
  const Schedule linear{"linear", 2, 10};
  EXPECT_DOUBLE_EQ(schedule_factor(linear, 0), 0.0);
  EXPECT_DOUBLE_EQ(schedule_factor(linear, 1), 0.5);
  EXPECT_DOUBLE_EQ(schedule_factor(linear, 2), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(linear, 6), 0.5);
  EXPECT_DOUBLE_EQ(schedule_factor(linear, 10), 0.0);
  const Schedule cosine{"cosine", 0, 10};
  EXPECT_DOUBLE_EQ(schedule_factor(cosine, 0), 1.0);
  EXPECT_NEAR(schedule_factor(cosine, 5), 0.5, 1e-15);
  EXPECT_NEAR(schedule_factor(cosine, 10), 0.0, 1e-15);
  EXPECT_DOUBLE_EQ(schedule_factor({"constant", 0, 10}, 9), 1.0);
}

// The update written out, for one tensor.
struct ByHand {
  at::Tensor value, m, v;
  int steps = 0;

  void step(const at::Tensor& gradient, double rate, const AdamWSettings& s) {
    ++steps;
    value = value * (1.0 - rate * s.weight_decay);
    m = m * s.beta1 + gradient * (1.0 - s.beta1);
    v = v * s.beta2 + gradient * gradient * (1.0 - s.beta2);
    const at::Tensor m_hat = m / (1.0 - std::pow(s.beta1, steps));
    const at::Tensor v_hat = v / (1.0 - std::pow(s.beta2, steps));
    value = value - m_hat / (v_hat.sqrt() + s.epsilon) * rate;
  }
};

TEST(AdamW, equals_the_update_written_out) {
  AdamWSettings settings;
  settings.weight_decay = 0.1;
  settings.max_grad_norm = 1.0;
  const at::Tensor start_a = normal_tensor({3, 4}, 1.0, 1, at::kDouble);
  const at::Tensor start_b = normal_tensor({5}, 1.0, 2, at::kDouble);
  const TrainedTensor a{"a", as_leaf(start_a), true}, b{"b", as_leaf(start_b), false};
  AdamW optimizer({{{a}, 0.01}, {{b}, 0.1}}, settings);
  ByHand expected_a{start_a, at::zeros_like(start_a), at::zeros_like(start_a)};
  ByHand expected_b{start_b, at::zeros_like(start_b), at::zeros_like(start_b)};
  AdamWSettings without_decay = settings;
  without_decay.weight_decay = 0.0;
  for (int step = 0; step < 5; ++step) {
    const at::Tensor grad_a =
        normal_tensor({3, 4}, 1.0, 10U + static_cast<unsigned>(step), at::kDouble);
    const at::Tensor grad_b =
        normal_tensor({5}, 1.0, 20U + static_cast<unsigned>(step), at::kDouble);
    at::Tensor value_a = a.value, value_b = b.value;
    value_a.mutable_grad() = grad_a.clone();
    value_b.mutable_grad() = grad_b.clone();
    const double norm = optimizer.gradient_norm();
    EXPECT_NEAR(norm, at::cat({grad_a.view(-1), grad_b}).norm().item<double>(), 1e-12);
    const double clip = std::min(1.0, 1.0 / (norm + 1e-6)), factor = 1.0 - 0.1 * step;
    optimizer.step(norm, factor);
    expected_a.step(grad_a * clip, 0.01 * factor, settings);
    expected_b.step(grad_b * clip, 0.1 * factor, without_decay);
    EXPECT_LE((a.value - expected_a.value).abs().max().item<double>(), 1e-12);
    EXPECT_LE((b.value - expected_b.value).abs().max().item<double>(), 1e-12);
    EXPECT_FALSE(a.value.grad().defined());
  }
  EXPECT_EQ(optimizer.steps_done(), 5);
}

TEST(AdamW, tells_gradients_and_weights_that_are_not_finite) {
  const TrainedTensor a{"a", as_leaf(at::ones({2}))};
  AdamW optimizer({{{a}, 0.01}}, {});
  EXPECT_EQ(optimizer.gradient_norm(), 0.0);
  at::Tensor value = a.value;
  value.mutable_grad() = at::full({2}, std::nan(""));
  EXPECT_FALSE(std::isfinite(optimizer.gradient_norm()));
  EXPECT_TRUE(optimizer.is_finite());
  value.detach().fill_(HUGE_VAL);
  EXPECT_FALSE(optimizer.is_finite());
}

TEST(AdamW, refuses_a_state_that_lacks_a_moment) {
  const TrainedTensor a{"a", as_leaf(at::ones({2}))};
  AdamW optimizer({{{a}, 0.01}}, {});
  TensorMap state = optimizer.state();
  EXPECT_TRUE(optimizer.load_state(state, 3));
  EXPECT_EQ(optimizer.steps_done(), 3);
  state.erase("a.exp_avg_sq");
  EXPECT_EQ(optimizer.load_state(state, 3).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace plateau::trainer
