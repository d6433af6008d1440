#include "worker/runner/trial_frames.h"

#include <cmath>
#include <map>
#include <utility>

#include "common/spec/pipe.h"

namespace plateau::runner {
namespace {

using Json = nlohmann::json;

// Collects fields of one frame; the first that is wrong is remembered.
class Fields {
 public:
  explicit Fields(const Json& frame) : frame_(frame) {}

  std::int64_t integer(const char* name) {
    const Json* field = find(name);
    if (field != nullptr && field->is_number_integer()) return field->get<std::int64_t>();
    return wrong(name, "a whole number", std::int64_t{0});
  }
  std::uint64_t size(const char* name) {
    const Json* field = find(name);
    if (field != nullptr && field->is_number_unsigned()) return field->get<std::uint64_t>();
    return wrong(name, "a size", std::uint64_t{0});
  }
  // JSON knows no NaN: it comes as null.
  double number(const char* name) {
    const Json* field = find(name);
    if (field != nullptr && field->is_number()) return field->get<double>();
    if (field != nullptr && field->is_null()) return NAN;
    return wrong(name, "a number", 0.0);
  }
  std::string text(const char* name) {
    const Json* field = find(name);
    if (field != nullptr && field->is_string()) return field->get<std::string>();
    return wrong(name, "a text", std::string());
  }
  AttemptRef attempt() { return {TrialId{integer("trial_id")}, AttemptNumber{integer("attempt")}}; }
  const Json* find(const char* name) const {
    const auto found = frame_.find(name);
    return found == frame_.end() ? nullptr : &*found;
  }
  template <typename T>
  T wrong(const char* name, const char* wanted, T instead) {
    if (error_.empty()) {
      error_ =
          "its frame " + frame_.dump().substr(0, 200) + " needs " + wanted + " as \"" + name + "\"";
    }
    return instead;
  }
  const std::string& error() const { return error_; }

 private:
  const Json& frame_;
  std::string error_;
};

TrialEvent started(Fields& f) {
  return TrialStarted{f.attempt(), f.integer("step"), f.integer("steps_total")};
}

TrialEvent progress(Fields& f) {
  return TrialProgress{f.attempt(), f.integer("step"), f.integer("steps_total"), f.number("loss"),
                       f.number("tokens_per_s")};
}

TrialEvent metric(Fields& f) {
  return TrialMetric{f.attempt(), f.integer("step"), f.text("split"), f.text("name"),
                     f.number("value")};
}

TrialEvent checkpoint(Fields& f) {
  const std::int64_t step = f.integer("step");
  return TrialCheckpoint{f.attempt(), step,
                         Artifact{"checkpoint/step-" + std::to_string(step), f.text("path"),
                                  f.size("size_bytes"), f.text("sha256")}};
}

TrialEvent finished(Fields& f) {
  TrialFinished event;
  event.attempt = f.attempt();
  const Json* result = f.find("result");
  if (result == nullptr || !result->is_object()) return f.wrong("result", "an object", event);
  event.result_json = result->dump(-1, ' ', false, Json::error_handler_t::replace);
  const Json* artifacts = f.find("artifacts");
  if (artifacts == nullptr || !artifacts->is_array()) return f.wrong("artifacts", "a list", event);
  for (const Json& entry : *artifacts) {
    Fields file(entry);
    event.artifacts.push_back(
        {file.text("name"), file.text("path"), file.size("size_bytes"), file.text("sha256")});
    if (!file.error().empty()) return f.wrong("artifacts", "complete entries", event);
  }
  return event;
}

TrialEvent failed(Fields& f) {
  static const std::map<std::string, FailureKind> kinds = {
      {"out_of_memory", FailureKind::kOutOfMemory},
      {"diverged", FailureKind::kDiverged},
      {"bad_configuration", FailureKind::kBadConfiguration},
      {"crashed", FailureKind::kTrainerCrashed},
      {"node_fault", FailureKind::kNodeFault}};
  TrialFailed event{f.attempt(), FailureKind::kTrainerCrashed, f.text("message")};
  const auto kind = kinds.find(f.text("kind"));
  if (kind == kinds.end()) return f.wrong("kind", "a known kind of failure", event);
  event.kind = kind->second;
  return event;
}

TrialEvent handed_back(Fields& f) {
  return TrialHandedBack{f.attempt()};
}

TrialEvent dropped(Fields& f) {
  return TrialDropped{f.attempt()};
}

}  // namespace

Result<Json> assign_frame(const TrialStart& start) {
  Json trial = Json::parse(start.trial_json, nullptr, false);
  if (!trial.is_object()) {
    return invalid_argument("the trial that the coordinator sent is no JSON object");
  }
  Json frame{{"type", "assign"},
             {"trial_id", start.attempt.trial.value},
             {"attempt", start.attempt.attempt.value},
             {"alone", start.alone},
             {"folder", start.folder},
             {"resume", nullptr}};
  if (!start.resume.empty()) frame["resume"] = start.resume;
  frame["trial"] = std::move(trial);
  return frame;
}

Json cancel_frame(const AttemptRef& attempt) {
  return {
      {"type", "cancel"}, {"trial_id", attempt.trial.value}, {"attempt", attempt.attempt.value}};
}

Status check_hello(const Json& frame) {
  if (frame.at("type") != "hello") {
    return corrupt("its first frame is " + frame.at("type").dump() + ", not \"hello\"");
  }
  const Json protocol = frame.value("protocol", Json());
  if (protocol != pipe::kProtocol) {
    return Error{ErrorKind::kVersion, "it speaks protocol " + protocol.dump() +
                                          " and this worker " + std::to_string(pipe::kProtocol) +
                                          "; build both from the same sources"};
  }
  return {};
}

Result<TrialEvent> event_from_frame(const Json& frame) {
  using Reader = TrialEvent (*)(Fields&);
  static const std::map<std::string, Reader> readers = {
      {"started", started}, {"progress", progress},       {"metric", metric},
      {"failed", failed},   {"checkpoint", checkpoint},   {"finished", finished},
      {"dropped", dropped}, {"handed_back", handed_back},
  };
  const auto reader = readers.find(frame.at("type").get<std::string>());
  if (reader == readers.end()) {
    return corrupt("its frame has the unknown type " + frame.at("type").dump());
  }
  Fields fields(frame);
  TrialEvent event = reader->second(fields);
  if (!fields.error().empty()) return corrupt(fields.error());
  return event;
}

}  // namespace plateau::runner
