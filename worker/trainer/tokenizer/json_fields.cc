#include "worker/trainer/tokenizer/json_fields.h"

#include <utility>

#include "common/base/text.h"

namespace plateau::trainer {

using nlohmann::json;

Fields::Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) error_ = corrupt(where_ + " is no object. Fetch the file again.");
}

const json* Fields::find(const char* key) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Fields::fail(const char* key, const char* wanted) const {
  if (error_) return;
  error_ = corrupt(where_ + ": the field \"" + key + "\" must be " + wanted +
                   ". The file is damaged or of an unknown version; fetch it again.");
}

std::string Fields::text(const char* key, std::optional<std::string> otherwise) const {
  const json* const value = find(key);
  if (value != nullptr && value->is_string()) return value->get<std::string>();
  if (value != nullptr || !otherwise) fail(key, "a string");
  return otherwise.value_or("");
}

bool Fields::boolean(const char* key, std::optional<bool> otherwise) const {
  const json* const value = find(key);
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  if (value != nullptr || !otherwise) fail(key, "true or false");
  return otherwise.value_or(false);
}

std::int64_t Fields::integer(const char* key, std::optional<std::int64_t> otherwise) const {
  const json* const value = find(key);
  if (value != nullptr && value->is_number_unsigned()) return value->get<std::int64_t>();
  if (value != nullptr || !otherwise) fail(key, "a whole number from 0");
  return otherwise.value_or(0);
}

const json& Fields::list(const char* key) const {
  static const json kEmpty = json::array();
  const json* const value = find(key);
  if (value != nullptr && value->is_array()) return *value;
  fail(key, "a list");
  return kEmpty;
}

const json& Fields::object(const char* key) const {
  static const json kEmpty = json::object();
  const json* const value = find(key);
  if (value != nullptr && value->is_object()) return *value;
  fail(key, "an object");
  return kEmpty;
}

Status Fields::status() const {
  if (error_) return *error_;
  return {};
}

Error unsupported(const std::string& where, const std::string& type,
                  const std::vector<std::string>& supported) {
  return invalid_argument(where + " is of the type \"" + type +
                          "\", which is not supported (supported: " + join(supported, ", ") +
                          "). Use a base whose tokenizer is of a supported type, or give the task "
                          "as files of token ids.");
}

Result<Vocabulary> read_vocabulary(const Fields& fields, const std::string& where) {
  const json& entries = fields.object("vocab");
  if (Status status = fields.status(); !status) return status.error();
  std::vector<std::pair<std::string, std::int64_t>> tokens;
  tokens.reserve(entries.size());
  for (const auto& [token, id] : entries.items()) {
    if (!id.is_number_integer()) {
      return corrupt(where + ": the id of the token \"" + token +
                     "\" is no whole number. Fetch the file again.");
    }
    tokens.emplace_back(token, id.get<std::int64_t>());
  }
  return Vocabulary::create(std::move(tokens), where);
}

}  // namespace plateau::trainer
