// Typed access to a section of tokenizer.json that remembers its first error. Internal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "worker/trainer/tokenizer/vocabulary.h"

namespace plateau::trainer {

// Reads fields of one object. A missing or null field gives the default; without a default, or with
// another type than asked for, status() becomes kCorrupt and an empty value is returned.
class Fields {
 public:
  // `where` is "file: section", for messages. `object` must outlive this.
  Fields(const nlohmann::json& object, std::string where);

  std::string text(const char* key, std::optional<std::string> otherwise = std::nullopt) const;
  bool boolean(const char* key, std::optional<bool> otherwise = std::nullopt) const;
  std::int64_t integer(const char* key, std::optional<std::int64_t> otherwise = std::nullopt) const;
  const nlohmann::json& list(const char* key) const;
  const nlohmann::json& object(const char* key) const;

  const std::string& where() const { return where_; }
  Status status() const;

 private:
  const nlohmann::json* find(const char* key) const;
  void fail(const char* key, const char* wanted) const;

  const nlohmann::json& object_;
  std::string where_;
  mutable std::optional<Error> error_;
};

// "file: part is of type X, which is not supported (supported: ...)".
Error unsupported(const std::string& where, const std::string& type,
                  const std::vector<std::string>& supported);

// The field "vocab" of a model: an object from token to id.
Result<Vocabulary> read_vocabulary(const Fields& fields, const std::string& where);

}  // namespace plateau::trainer
