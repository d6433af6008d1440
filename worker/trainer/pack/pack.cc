#include "worker/trainer/pack/pack.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace plateau::trainer {
namespace {

// One member during one optimizer step.
struct Progress {
  StepResult result;
  std::vector<std::int64_t> batch;
  std::int64_t done = 0;  // items of the batch that went through

  std::int64_t remaining() const { return static_cast<std::int64_t>(batch.size()) - done; }
  std::int64_t next_count() const {
    const std::int64_t micro = result.member->trial().micro_batch_size;
    return micro > 0 ? std::min(micro, remaining()) : remaining();
  }
};

// A micro-batch's part in the mean over the whole batch.
double share_of(const Member& member, const Progress& progress, std::int64_t count) {
  const auto whole = static_cast<std::int64_t>(progress.batch.size());
  if (count == whole) return 1.0;
  const std::int64_t terms = member.loss_terms(progress.batch, progress.done, count);
  const std::int64_t all = member.loss_terms(progress.batch, 0, whole);
  return static_cast<double>(terms) / static_cast<double>(std::max<std::int64_t>(1, all));
}

// The next micro-batch of everybody who still has one: one forward pass, one backward pass.
void run_micro_batch(std::vector<Progress*>& active) {
  std::vector<TrialSequences> sequences;
  std::vector<std::int64_t> counts;
  for (Progress* progress : active) {
    Member& member = *progress->result.member;
    counts.push_back(progress->next_count());
    sequences.push_back(member.sequences(progress->batch, progress->done, counts.back()));
    fill_up(sequences.back(), row_multiple(member.model().info().options));
    member.adapter().begin_pass();
  }
  const Model& model = active.front()->result.member->model();
  PackedBatch packed = pack_batch(sequences, model.info().options);
  packed.recompute = std::any_of(active.begin(), active.end(), [](const Progress* progress) {
    return progress->result.member->trial().recompute_activations;
  });
  std::vector<std::int64_t> sizes;
  for (const TrialShare& share : packed.shares)
    sizes.push_back(model.info().pooling == Pooling::kTokens ? share.rows : share.sequences);
  const std::vector<at::Tensor> features = at::split_with_sizes(model.features(packed), sizes, 0);
  std::vector<at::Tensor> losses, shares;
  for (std::size_t i = 0; i < active.size(); ++i) {
    Progress& progress = *active[i];
    const Member& member = *progress.result.member;
    const at::Tensor loss = member.loss(features[i], progress.batch, progress.done, counts[i]);
    const double share = share_of(member, progress, counts[i]);
    progress.result.loss += loss.item<double>() * share;
    const auto first = packed.lengths.begin() + packed.shares[i].first_sequence;
    progress.result.tokens += std::accumulate(first, first + counts[i], std::int64_t{0});
    progress.done += counts[i];
    losses.push_back(loss);
    shares.push_back(at::full_like(loss.detach(), share));
  }
  // Every loss is a root of its own: a loss that is not finite meets no other.
  torch::autograd::backward(losses, shares);
}

void update(Progress& progress) {
  StepResult& result = progress.result;
  Member& member = *result.member;
  result.gradient_norm = member.optimizer().gradient_norm();
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    member.optimizer().zero_gradients();
    result.diverged = true;
    return;
  }
  member.optimizer().step(result.gradient_norm, member.rate_factor());
  member.adapter().weights_changed();
  result.diverged = !member.optimizer().is_finite();
}

}  // namespace

void Pack::join(Member* member) {
  PLATEAU_CHECK(members_.empty() || &members_.front()->model() == &member->model(),
                "members of a pack share one frozen model");
  members_.push_back(member);
}

void Pack::leave(Member* member) {
  members_.erase(std::remove(members_.begin(), members_.end(), member), members_.end());
}

std::vector<StepResult> Pack::step() {
  std::vector<Progress> all;
  for (Member* member : members_) {
    PLATEAU_CHECK(!member->is_done(), "a finished member is still in the pack");
    Progress progress;
    progress.result.member = member;
    progress.batch = member->next_batch();
    all.push_back(std::move(progress));
  }
  while (true) {
    std::vector<Progress*> active;
    for (Progress& progress : all) {
      if (progress.remaining() > 0 && std::isfinite(progress.result.loss))
        active.push_back(&progress);
    }
    if (active.empty()) break;
    run_micro_batch(active);
  }
  std::vector<StepResult> results;
  for (Progress& progress : all) {
    update(progress);
    if (progress.result.diverged) leave(progress.result.member);
    results.push_back(progress.result);
  }
  return results;
}

}  // namespace plateau::trainer
