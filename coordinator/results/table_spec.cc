#include "coordinator/results/table_spec.h"

#include <algorithm>
#include <functional>
#include <map>

#include "common/base/text.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;

Error wrong(const std::string& where, const std::string& what) {
  return invalid_argument("report." + where + ": " + what);
}

Result<std::vector<std::string>> words_of(const Json& json, const std::string& where) {
  std::vector<std::string> words;
  const Json list = json.is_array() ? json : Json::array({json});
  for (const Json& one : list) {
    if (one.is_object() || one.is_array() || one.is_null()) {
      return wrong(where, "a name or a list of names is wanted, not " + one.dump() + ".");
    }
    words.push_back(one.is_string() ? one.get<std::string>() : one.dump());
  }
  return words;
}

template <typename Value>
Result<Value> one_of(const std::vector<std::pair<std::string, Value>>& all, const std::string& word,
                     const std::string& where) {
  std::vector<std::string> names;
  for (const auto& [name, value] : all) {
    if (name == word) return value;
    names.push_back(name);
  }
  const auto near = nearest(word, names);
  return wrong(where, "'" + word + "' is not one of " + join(names, ", ") + "." +
                          (near ? " Did you mean " + *near + "?" : ""));
}

// A plain file name and label: no folders, nothing hidden.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

Status read_text(const Json& json, const std::string& where, std::string& into) {
  if (!json.is_string()) return wrong(where, "a text is wanted, not " + json.dump() + ".");
  into = json.get<std::string>();
  return {};
}

Status read_words(const Json& json, const std::string& where, std::vector<std::string>& into) {
  auto words = words_of(json, where);
  if (!words) return words.error();
  into = std::move(*words);
  return {};
}

Status read_where(const Json& json, const std::string& where, Filters& into) {
  if (!json.is_object()) return wrong(where, "names with their values are wanted.");
  for (const auto& [name, values] : json.items()) {
    if (Status status = read_words(values, where + "." + name, into[name]); !status) return status;
  }
  return {};
}

Status read_show(const Json& json, const std::string& where, std::vector<Show>& into) {
  const auto words = words_of(json, where);
  if (!words) return words.error();
  for (const std::string& word : *words) {
    const auto show = one_of(shows(), word, where);
    if (!show) return show.error();
    into.push_back(*show);
  }
  return {};
}

Status read_protocols(const Json& json, const std::string& where, bool& refuse) {
  const std::vector<std::pair<std::string, bool>> words{{"mark", false}, {"refuse", true}};
  const auto chosen =
      one_of(words, json.is_string() ? json.get<std::string>() : json.dump(), where);
  if (!chosen) return chosen.error();
  refuse = *chosen;
  return {};
}

Status read_aggregate(const Json& json, const std::string& where, Aggregate& into) {
  const auto chosen =
      one_of(aggregates(), json.is_string() ? json.get<std::string>() : json.dump(), where);
  if (!chosen) return chosen.error();
  into = *chosen;
  return {};
}

Status read_name(const Json& json, const std::string& where, std::string& into) {
  if (!json.is_string() || !is_name(json.get<std::string>())) {
    return wrong(where, "a name of letters, digits, - and _ is wanted: it becomes a file name.");
  }
  into = json.get<std::string>();
  return {};
}

using Reader = std::function<Status(const Json&, const std::string&, TableSpec&)>;

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all{
      {"name", [](auto& j, auto& at, auto& spec) { return read_name(j, at, spec.name); }},
      {"title", [](auto& j, auto& at, auto& spec) { return read_text(j, at, spec.title); }},
      {"rows", [](auto& j, auto& at, auto& spec) { return read_words(j, at, spec.rows); }},
      {"columns", [](auto& j, auto& at, auto& spec) { return read_words(j, at, spec.columns); }},
      {"metric", [](auto& j, auto& at, auto& spec) { return read_text(j, at, spec.metric); }},
      {"split", [](auto& j, auto& at, auto& spec) { return read_text(j, at, spec.split); }},
      {"aggregate",
       [](auto& j, auto& at, auto& spec) { return read_aggregate(j, at, spec.aggregate); }},
      {"where", [](auto& j, auto& at, auto& spec) { return read_where(j, at, spec.where); }},
      {"sort", [](auto& j, auto& at, auto& spec) { return read_text(j, at, spec.sort); }},
      {"show", [](auto& j, auto& at, auto& spec) { return read_show(j, at, spec.show); }},
      {"protocols", [](auto& j, auto& at,
                       auto& spec) { return read_protocols(j, at, spec.refuse_mixed_protocols); }},
  };
  return all;
}

Result<TableSpec> spec_from(const Json& json, const std::string& at) {
  if (!json.is_object()) return wrong(at, "a table is a set of keys, not " + json.dump() + ".");
  TableSpec spec;
  for (const auto& [key, value] : json.items()) {
    const auto reader = readers().find(key);
    if (reader == readers().end()) {
      std::vector<std::string> names;
      for (const auto& [name, unused] : readers())
        names.push_back(name);
      return wrong(at, "'" + key + "' is no key of a table; there are " + join(names, ", ") + ".");
    }
    if (Status status = reader->second(value, at + "." + key, spec); !status) {
      return status.error();
    }
  }
  return spec;
}

}  // namespace

const std::vector<std::pair<std::string, Aggregate>>& aggregates() {
  static const std::vector<std::pair<std::string, Aggregate>> all{
      {"sd", Aggregate::kDeviation},
      {"t95", Aggregate::kStudent},
      {"bootstrap95", Aggregate::kBootstrap},
      {"median", Aggregate::kMedian}};
  return all;
}

const std::vector<std::pair<std::string, Show>>& shows() {
  static const std::vector<std::pair<std::string, Show>> all{
      {"scaling", Show::kScaling},    {"learning_rate", Show::kLearningRate},
      {"params", Show::kParams},      {"percent", Show::kPercent},
      {"time", Show::kTime},          {"memory", Show::kMemory},
      {"gpu_hours", Show::kGpuHours}, {"size", Show::kSize},
      {"protocol", Show::kProtocol},  {"average", Show::kAverage},
      {"seeds", Show::kSeeds},        {"base_memory", Show::kBaseMemory}};
  return all;
}

Status check_report(const nlohmann::json& report) {
  for (const auto& [key, value] : report.items()) {
    // The sweep's own selection is in it too.
    if (key == "tables" || key == "select") continue;
    return wrong(key, "no key of it. Known: tables");
  }
  const auto tables = table_specs(report);
  return tables ? Status() : Status(tables.error());
}

Result<std::vector<TableSpec>> table_specs(const nlohmann::json& report) {
  std::vector<TableSpec> specs;
  if (!report.is_object() || !report.contains("tables")) return std::vector<TableSpec>{TableSpec{}};
  const Json& tables = report["tables"];
  if (!tables.is_array() || tables.empty()) {
    return wrong("tables", "a list of at least one table is wanted.");
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::string at = "tables[" + std::to_string(i) + "]";
    auto spec = spec_from(tables[i], at);
    if (!spec) return spec.error();
    if (!tables[i].contains("name") && tables.size() > 1) {
      spec->name = "table-" + std::to_string(i + 1);
    }
    for (const TableSpec& other : specs) {
      if (other.name == spec->name) {
        return wrong(at + ".name", "two tables are called '" + spec->name + "'.");
      }
    }
    specs.push_back(std::move(*spec));
  }
  return specs;
}

}  // namespace plateau::results
