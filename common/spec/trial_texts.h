// The JSON text and the keys of many trials, one after the other. A sweep's trials differ in little
// from the one before them, so the text of a part that stays the same is made once.
#pragma once

#include <array>
#include <optional>
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
  struct Last {
    std::optional<Part> part;
    Text text;
  };
  template <typename Part>
  static const Text& text_of(Last<Part>& last, const Part& part);
  const std::string& adapter_in_key(const AdapterSpec& adapter);

  Last<BaseSpec> base_;
  Last<TaskSpec> task_;
  Last<OptimizerSpec> optimizer_;
  Last<ProtocolSpec> protocol_;
  std::unordered_map<std::string, std::string> adapters_;  // by their JSON text
};

}  // namespace plateau
