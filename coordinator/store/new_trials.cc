#include "coordinator/store/new_trials.h"

#include "common/base/sha256.h"

namespace plateau {
namespace {

constexpr std::size_t kGroupCharacters = 15;

}  // namespace

NewTexts texts_of(const NewTrial& trial, TrialTexts& texts) {
  const TrialKeys keys = trial.keys ? *trial.keys : texts.keys(trial.trial);
  NewTexts made{texts.pieces(trial.trial), keys, hex_of(keys.trial), hex_of(keys.cell),
                trial_label(trial.trial),  ""};
  made.folder = "trials/" + made.label + "-" + made.key.substr(0, 8);
  return made;
}

TrialFacts facts_of(const NewTrial& trial, TrialId id, std::int64_t round) {
  TrialFacts facts;
  facts.id = id;
  facts.round = round;
  // What the trainer can hold side by side: the same frozen weights in the same precision. Of their
  // hash as much as a std::string holds without more memory: there is one for each trial.
  std::string shared = trial.trial.base.sha256 + "/" + trial.trial.protocol.precision;
  if (trial.trial.base.quantization != "none") shared += "/" + trial.trial.base.quantization;
  facts.group = sha256_hex(shared).substr(0, kGroupCharacters);
  facts.expected_ms = trial.expected_ms;
  facts.alone = trial.alone;
  facts.batch_size = trial.trial.optimizer.batch_size;
  facts.micro_batch_size = trial.trial.micro_batch_size;
  return facts;
}

}  // namespace plateau
