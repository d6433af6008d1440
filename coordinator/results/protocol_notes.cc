// How the numbers were made: protocol, devices, bases, tasks.
#include <map>
#include <set>

#include "common/base/text.h"
#include "coordinator/results/notes.h"
#include "coordinator/results/protocol.h"

namespace plateau::results {
namespace {

// The values that an aspect of training takes over all cells: "2", or "2 / 4" where cells differ.
class Aspects {
 public:
  void add(const std::string& before, const std::string& value, const std::string& after) {
    for (Aspect& aspect : aspects_) {
      if (aspect.before == before && aspect.after == after) {
        aspect.values.insert(value);
        return;
      }
    }
    aspects_.push_back({before, after, {value}});
  }
  std::string text() const {
    std::vector<std::string> parts;
    for (const Aspect& aspect : aspects_) {
      parts.push_back(aspect.before + join({aspect.values.begin(), aspect.values.end()}, " / ") +
                      aspect.after);
    }
    return join(parts, ", ");
  }

 private:
  struct Aspect {
    std::string before;
    std::string after;
    std::set<std::string> values;
  };
  std::vector<Aspect> aspects_;
};

void add_training(const OptimizerSpec& optimizer, Aspects& aspects) {
  aspects.add("epochs ", format_number(optimizer.epochs), "");
  aspects.add("batches of ", std::to_string(optimizer.batch_size), "");
  aspects.add("AdamW with weight decay ", format_number(optimizer.weight_decay), "");
  aspects.add("", optimizer.schedule, " schedule");
  aspects.add("warm-up over ", format_number(100.0 * optimizer.warmup_ratio), " % of the steps");
  aspects.add("head learning rate ", format_rate(optimizer.head_learning_rate), "");
}

std::string with_sentences(std::string text, const std::vector<std::string>& more) {
  for (const std::string& sentence : more) {
    text += " " + sentence;
    if (!sentence.empty() && sentence.back() != '.') text += ".";
  }
  return text;
}

}  // namespace

std::vector<std::string> protocol_notes(const Summary& summary) {
  std::set<std::string> protocols;
  std::map<std::string, std::set<std::string>> of_task;
  Aspects training;
  double seconds = 0.0;
  std::size_t trials = 0;
  for (const Cell& cell : summary.cells) {
    if (cell.is_baseline) continue;
    protocols.insert(checkpoint_rule(*cell.example.protocol));
    of_task[cell.task].insert(cell.protocol);
    add_training(*cell.example.optimizer, training);
    if (!cell.train_seconds) continue;
    seconds += *cell.train_seconds * static_cast<double>(cell.count(TrialState::kFinished));
    trials += cell.count(TrialState::kFinished);
  }
  std::vector<std::string> notes;
  if (!protocols.empty()) {
    notes.push_back("Protocol: " + join({protocols.begin(), protocols.end()}, "; or ") +
                    "; training with " + training.text() + ".");
  }
  for (const auto& [task, different] : of_task) {
    if (different.size() < 2) continue;
    notes.push_back("Warning: the rows of " + task + " mix " + std::to_string(different.size()) +
                    " protocols and are not comparable with each other: " +
                    join({different.begin(), different.end()}, "; or ") + ".");
  }
  if (!summary.device_names.empty()) {
    std::string note = "Trained on " + join(summary.device_names, ", ");
    if (trials > 0) {
      note += ", " + format_fixed(seconds / static_cast<double>(trials), 1) +
              " s of training per trial on average";
    }
    notes.push_back(note + ", with Plateau " + summary.program_version + ".");
  }
  return notes;
}

std::vector<std::string> data_notes(const Summary& summary) {
  std::vector<std::string> notes;
  for (const BaseSummary& base : summary.bases) {
    std::string note = "Base " + base.name + ": pooling " + base.pooling;
    if (!base.sha256.empty()) note += ", weights SHA-256 " + base.sha256.substr(0, 12);
    notes.push_back(with_sentences(note + ".", base.notes));
  }
  for (const TaskSummary& task : summary.tasks) {
    std::string note = "Task " + task.name + ": " + rows_of(task.spec);
    if (!task.spec.labels.empty()) {
      note += "; " + std::to_string(task.spec.labels.size()) + " classes (" +
              join(task.spec.labels, ", ") + ")";
    }
    if (!task.spec.sha256.empty()) note += "; data SHA-256 " + task.spec.sha256.substr(0, 12);
    notes.push_back(with_sentences(note + ".", task.notes));
  }
  return notes;
}

}  // namespace plateau::results
