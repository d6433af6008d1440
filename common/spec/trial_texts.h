// The JSON text and the keys of many trials. A sweep's trials have most of their parts in common,
// so the text of a part is made once.
#pragma once

#include <array>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/spec/trial.h"
#include "common/spec/trial_keys.h"

namespace plateau {

// to_json(trial).dump() in pieces that follow each other. Many trials share each: its adapter, its
// base, optimizer and protocol, its seed, its task.
using TrialPieces = std::array<std::string, 5>;

class TrialTexts {
 public:
  TrialPieces pieces(const Trial& trial);
  std::string json(const Trial& trial);  // the pieces as one
  TrialKeys keys(const Trial& trial);

 private:
  struct Text {
    std::string json;
    std::string key;  // what of it enters the key; empty: nothing
  };
  template <typename Part>
  struct Known {
    std::map<Part, Text> all;
    const std::pair<const Part, Text>* last = nullptr;  // of all
  };
  template <typename Part>
  static const Text& text_of(Known<Part>& known, const Part& part);
  const Text& text_of(const AdapterSpec& adapter);

  Known<BaseSpec> bases_;
  Known<TaskSpec> tasks_;
  // By their JSON text: 8 and 8.0 are equal as JSON, and their texts and keys are not.
  std::unordered_map<std::string, Text> adapters_;
  Known<OptimizerSpec> optimizers_;
  Known<ProtocolSpec> protocols_;
};

}  // namespace plateau
