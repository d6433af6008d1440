// Classification without a head: a prompt a text, behind which every class's name is tried.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spec/trial.h"
#include "worker/trainer/data/dataset.h"

namespace plateau::trainer {

struct PromptForm {
  std::string text;        // "{text}\nSentiment:", and {text_pair} for pairs
  std::int64_t shots = 0;  // solved items of the training split in front of every prompt
  std::uint64_t seed = 0;  // which ones
};

// One split twice: its items with their labels (and no tokens), and for each item, class by class,
// the prompt with the class's name, of which the name alone is to be predicted.
struct LabelPrompts {
  Split items;
  Split answers;  // items * classes
};
struct LabelPromptSets {
  LabelPrompts validation, test;
  std::vector<std::string> notes;
};

// The splits are load_dataset()'s. A blank goes between prompt and name unless the form ends in
// white space; solved items are followed by an empty line. Too long a prompt loses its beginning.
// kInvalidArgument: a form without {text}, another kind of task, rows of token ids, more shots than
// training rows; what load_dataset() refuses.
Result<LabelPromptSets> load_label_prompts(const TaskSpec& task,
                                           const std::filesystem::path& base_folder,
                                           const PromptForm& form);

}  // namespace plateau::trainer
