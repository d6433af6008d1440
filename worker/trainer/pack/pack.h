// Trials that share a frozen base, trained side by side: the only way this program trains.
//
// One trial is a pack of one. All members' tokens go through each frozen matrix in one
// multiplication; adapters, heads, losses, gradients, clipping, learning rates and random numbers
// stay per member. What is promised, and tested in tests/worker/trainer/pack:
// - a member gives what it gives alone, up to the rounding of matrix products of another height;
// - a member whose numbers are no longer finite leaves the others bit-identical: no number of one
//   member is ever multiplied into another's, it gets no update, and it is gone before the next
//   forward pass;
// - members join and leave between steps.
// A pack recomputes activations (model/recompute.h) when one of its members asks for it, which
// changes no number. Ranks need no padding: each member's low-rank products run on its own rows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "worker/trainer/pack/member.h"

namespace plateau::trainer {

// What one optimizer step did to one member.
struct StepResult {
  Member* member = nullptr;
  double loss = 0.0;           // mean over the member's own batch, before the update
  double gradient_norm = 0.0;  // before clipping
  std::int64_t tokens = 0;
  bool diverged = false;  // loss, gradient or updated weights are not finite; it has left the pack
};

class Pack {
 public:
  // The member's model must be the one of those that are in already. The pack does not own
  // members; they must leave before they die.
  void join(Member* member);
  void leave(Member* member);
  bool empty() const { return members_.empty(); }
  const std::vector<Member*>& members() const { return members_; }

  // One optimizer step of every member. Members that are done must have left before.
  std::vector<StepResult> step();

 private:
  std::vector<Member*> members_;
};

}  // namespace plateau::trainer
