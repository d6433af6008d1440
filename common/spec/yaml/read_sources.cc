// Bases and tasks in a sweep file: names of the catalogue, paths, or mappings with a path.
#include <algorithm>
#include <cstdlib>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/task_kinds.h"
#include "common/spec/yaml/reader.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

std::vector<std::string> source_keys(const std::string& kind) {
  if (kind == "base") return {"path", "name"};
  return {"path", "name", "labels", "metric", "columns", "reader", "kind"};
}

bool looks_like_path(const std::string& text) {
  return text.find('/') != std::string::npos || (!text.empty() && text[0] == '.');
}

const std::vector<std::string>* allowed_words(const std::string& key) {
  static const std::vector<std::string> metrics = task_metrics();
  static const std::vector<std::string> readers = {"jsonl", "csv", "tsv"};
  if (key == "metric") return &metrics;
  if (key == "reader") return &readers;
  return key == "kind" ? &task_kinds() : nullptr;
}

// {text: ..., label: ...} -> the names of the columns.
Json read_columns(ReadContext& context, const YamlNode& node) {
  static const std::vector<std::string> known = {"text", "text_pair", "label",
                                                 "id",   "prompt",    "completion"};
  Json columns = Json::object();
  if (!expect_mapping(context, "columns", node)) return columns;
  for (const YamlNode::Entry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      context.problem(entry.place, unknown_key("columns", entry.key, known));
    } else {
      columns[entry.key] = read_text(context, "columns." + entry.key, entry.value);
    }
  }
  return columns;
}

Json read_labels(ReadContext& context, const YamlNode& node) {
  Json labels = Json::array();
  for (const YamlNode& item : node.items) {
    const bool fits = item.kind == YamlNode::Kind::kScalar && !item.scalar.is_null();
    if (!fits) context.problem(item.place, "a label is a word, and this is " + item.what());
    labels.push_back(item.is_text() ? item.scalar : Json(item.scalar.dump()));
  }
  if (node.kind != YamlNode::Kind::kList || node.items.size() < 2) {
    context.problem(node.place, "labels is " + node.what() +
                                    "; a list of at least two class names is needed, in the order "
                                    "of the class index");
  }
  return labels;
}

// One key of a source's description into its reference.
void read_source_key(ReadContext& context, const YamlNode::Entry& entry,
                     SourceReference& reference) {
  if (entry.key == "labels") {
    reference.options["labels"] = read_labels(context, entry.value);
    return;
  }
  if (entry.key == "columns") {
    reference.options["columns"] = read_columns(context, entry.value);
    return;
  }
  const std::string text = read_text(context, entry.key, entry.value);
  if (text.empty()) return;
  if (entry.key == "path") {
    const bool in_tasks_folder =
        !context.sweep.tasks_folder.empty() && text[0] != '/' && text[0] != '~' && text[0] != '.';
    reference.path = in_tasks_folder ? context.sweep.tasks_folder / text
                                     : context.path_from(text, entry.value.place);
  } else if (entry.key == "name") {
    reference.name = text;
  } else {
    const std::vector<std::string>* allowed = allowed_words(entry.key);
    if (std::find(allowed->begin(), allowed->end(), text) == allowed->end()) {
      context.problem(entry.value.place, entry.key + " is '" + text +
                                             "'; allowed: " + join(*allowed, ", ") + "." +
                                             did_you_mean(text, *allowed));
    }
    reference.options[entry.key] = text;
  }
}

std::string name_of_path(const std::filesystem::path& path) {
  const std::filesystem::path plain = path.lexically_normal();
  return (plain.has_filename() ? plain : plain.parent_path()).stem().string();
}

// Remembers it, once a name. A second path under the same name is a problem.
Json note(ReadContext& context, const std::string& kind, SourceReference reference) {
  auto& known = kind == "base" ? context.sweep.bases : context.sweep.tasks;
  const std::string name = reference.name;
  const auto [found, is_new] = known.emplace(name, reference);
  if (!is_new && !reference.path.empty() && found->second.path != reference.path) {
    context.problem(reference.place, "two different " + kind + "s are called '" + name + "' (" +
                                         found->second.path.string() + " and " +
                                         reference.path.string() + "); give one a `name`");
  }
  return name;
}

}  // namespace

std::filesystem::path ReadContext::path_from(const std::string& text, const Place& place) const {
  if (text.rfind("~/", 0) == 0) {
    const char* home = std::getenv("HOME");
    if (home != nullptr) return std::filesystem::path(home) / text.substr(2);
  }
  const std::filesystem::path& folder = place.line == 0 ? file.overrides_folder : file.folder;
  return (folder / text).lexically_normal();
}

Json read_source_value(ReadContext& context, const std::string& kind, const YamlNode& node) {
  SourceReference reference;
  reference.place = node.place;
  if (node.is_text()) {
    const auto text = node.scalar.get<std::string>();
    if (looks_like_path(text)) {
      reference.path = context.path_from(text, node.place);
      reference.name = name_of_path(reference.path);
    } else {
      reference.name = text;
    }
    return note(context, kind, std::move(reference));
  }
  if (node.kind != YamlNode::Kind::kMapping) {
    context.problem(node.place, kind + " is " + node.what() + "; allowed is a name of the " +
                                    "catalogue, a path, or a mapping with `path`");
    return nullptr;
  }
  const std::vector<std::string> known = source_keys(kind);
  for (const YamlNode::Entry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      context.problem(entry.place, unknown_key(kind, entry.key, known));
    } else {
      read_source_key(context, entry, reference);
    }
  }
  if (node.find("path") == nullptr) {
    context.problem(node.place, "this " + kind + " has no `path`");
    return nullptr;
  }
  if (reference.name.empty()) reference.name = name_of_path(reference.path);
  return note(context, kind, std::move(reference));
}

void read_sources(ReadContext& context, const std::string& kind, const YamlNode& mapping) {
  const std::vector<std::string> own = source_keys(kind);
  std::vector<std::string> known = own;
  known.insert(known.end(), parameter_names().begin(), parameter_names().end());
  for (const YamlNode::Entry& source : mapping.entries) {
    if (!expect_mapping(context, kind + "s." + source.key, source.value)) continue;
    SourceReference reference;
    reference.place = source.place;
    YamlNode parameters;
    parameters.kind = YamlNode::Kind::kMapping;
    for (const YamlNode::Entry& entry : source.value.entries) {
      if (std::find(own.begin(), own.end(), entry.key) != own.end()) {
        read_source_key(context, entry, reference);
      } else {
        parameters.entries.push_back(entry);
      }
    }
    reference.name = source.key;
    note(context, kind, std::move(reference));
    read_parameters(context, parameters, {kind, source.key});
  }
}

}  // namespace plateau
