#include "worker/trainer/data/label_prompts.h"

#include <numeric>

#include "common/base/random.h"
#include "common/spec/task_kinds.h"
#include "worker/trainer/data/splits.h"
#include "worker/trainer/data/tokenize.h"

namespace plateau::trainer {
namespace {

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

std::string fill(const PromptForm& form, const Row& row) {
  std::string text = form.text;
  // The pair first: what a text says is never taken for a place.
  if (row.text_pair) {
    const std::size_t at = text.find("{text_pair}");
    if (at != std::string::npos) {
      std::string front = text.substr(0, at), back = text.substr(at + 11);
      replace_all(front, "{text}", row.text);
      replace_all(back, "{text}", row.text);
      return front + *row.text_pair + back;
    }
  }
  replace_all(text, "{text}", row.text);
  return text;
}

std::string completion(const PromptForm& form, const std::string& label) {
  const bool has_space = std::isspace(static_cast<unsigned char>(form.text.back())) != 0;
  return (has_space ? "" : " ") + label;
}

Status check(const TaskSpec& task, const PromptForm& form, const SplitRows& rows) {
  const std::string start = "Task \"" + task.name + "\": ";
  if (task.kind != "classification")
    return invalid_argument(start + "a template needs classes to try; this is a " + task.kind);
  if (form.text.find("{text}") == std::string::npos)
    return invalid_argument(start + "the template has no {text}, so all prompts would be the same");
  if (!rows.train.front().token_ids.empty())
    return invalid_argument(start + "a template needs texts, and the rows bring token ids");
  if (form.shots > static_cast<std::int64_t>(rows.train.size())) {
    return invalid_argument(start + std::to_string(form.shots) + " shots are more than the " +
                            std::to_string(rows.train.size()) + " rows of the training split");
  }
  return {};
}

std::string solved_items(const TaskSpec& task, const PromptForm& form,
                         const std::vector<Row>& train) {
  std::vector<std::size_t> all(train.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  std::string text;
  const auto count = static_cast<std::size_t>(form.shots);
  std::vector<std::size_t> drawn = draw_stratified(train, all, count, form.seed);
  Random random(derive_seed(form.seed, "shots"));
  random.shuffle(drawn);
  for (const std::size_t i : drawn) {
    const std::string& label = task.labels[static_cast<std::size_t>(train[i].label.index)];
    text += fill(form, train[i]) + completion(form, label) + "\n\n";
  }
  return text;
}

// What all prompts of a trial share.
struct Prompting {
  const TaskSpec& task;
  const PromptForm& form;
  const RowTokenizer& tokenizer;
  std::string front;     // the solved items
  std::int64_t cut = 0;  // prompts that lost their beginning
};

// One class behind one text.
Status add_answer(Prompting& prompting, const Row& row, const std::string& label, Split& answers) {
  TaskSpec language = prompting.task;
  language.kind = kCausalLm;
  Row answer;
  answer.id = row.id + ":" + label;
  answer.text = prompting.front + fill(prompting.form, row);
  answer.text_pair = completion(prompting.form, label);
  const auto tokens = prompting.tokenizer(answer, language);
  if (!tokens) return tokens.error();
  if (tokens->truncated) ++prompting.cut;
  append_item(answer, *tokens, language, answers);
  return {};
}

Result<LabelPrompts> make_prompts(Prompting& prompting, const std::vector<Row>& rows) {
  LabelPrompts prompts;
  for (const Row& row : rows) {
    prompts.items.offsets.push_back(0);
    prompts.items.labels.push_back(row.label.index);
    prompts.items.item_ids.push_back(row.id);
    for (const std::string& label : prompting.task.labels) {
      const Status added = add_answer(prompting, row, label, prompts.answers);
      if (!added) return added.error();
    }
  }
  return prompts;
}

}  // namespace

Result<LabelPromptSets> load_label_prompts(const TaskSpec& task,
                                           const std::filesystem::path& base_folder,
                                           const PromptForm& form) {
  auto source = read_rows(task);
  if (!source) return source.error();
  auto rows = make_splits(std::move(*source), task);
  if (!rows) return rows.error();
  if (Status status = check(task, form, *rows); !status) return status.error();
  auto tokenizer = RowTokenizer::create(base_folder);
  if (!tokenizer) return tokenizer.error();
  LabelPromptSets sets;
  sets.notes = std::move(rows->notes);
  Prompting prompting{task, form, *tokenizer, solved_items(task, form, rows->train)};
  for (const auto& [prompts, from] :
       {std::pair(&sets.validation, &rows->validation), std::pair(&sets.test, &rows->test)}) {
    auto made = make_prompts(prompting, *from);
    if (!made) return made.error();
    *prompts = std::move(*made);
  }
  if (prompting.cut > 0) {
    sets.notes.push_back(with_thousands(prompting.cut) +
                         " prompts lost their beginning: they are longer than " +
                         std::to_string(task.max_length) + " tokens");
  }
  return sets;
}

}  // namespace plateau::trainer
