#include "coordinator/store/new_trials.h"

#include "common/base/sha256.h"

namespace plateau {
namespace {

constexpr std::size_t kGroupCharacters = 15;

}  // namespace

TrialText text_of(const Trial& trial, const std::string& key) {
  TrialText text;
  text.json = to_json(trial).dump();
  text.key = key.empty() ? trial_key(trial) : key;
  text.label = trial_label(trial);
  text.folder = "trials/" + text.label + "-" + text.key.substr(0, 8);
  return text;
}

TrialFacts facts_of(const NewTrial& trial, TrialId id, std::int64_t round) {
  TrialFacts facts;
  facts.id = id;
  facts.round = round;
  // What the trainer can hold side by side: the same frozen weights in the same precision. Of their
  // hash as much as a std::string holds without more memory: there is one for each trial.
  facts.group = sha256_hex(trial.trial.base.sha256 + "/" + trial.trial.protocol.precision)
                    .substr(0, kGroupCharacters);
  facts.expected_ms = trial.expected_ms;
  facts.alone = trial.alone;
  facts.batch_size = trial.trial.optimizer.batch_size;
  facts.micro_batch_size = trial.trial.micro_batch_size;
  return facts;
}

}  // namespace plateau
