// Result<T>: an expected failure as a value. One error type for the whole tree.
//
//   Result<Sweep> sweep = read_sweep(path);
//   if (!sweep) return sweep.error();
//   use(*sweep);
//
// A message is one paragraph for a person: what failed, where (file:line:column), what to do.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "common/base/check.h"

namespace plateau {

// What kind of failure this is; it decides exit codes and what the scheduler does next.
enum class ErrorKind {
  kInvalidArgument,  // the user asked for something that cannot be
  kNotFound,         // a file, base, task or run that is not there
  kCorrupt,          // bytes that are not what they claim to be
  kIo,               // the system said no: disk full, permission, network
  kBusy,             // somebody else holds it: lock, port
  kVersion,          // made by another version of this program
  kInternal,         // a bug or a library's failure
};

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Aborts when there is no value: test ok() first.
  T& value() & {
    PLATEAU_CHECK(ok(), ok() ? "" : error().message);
    return std::get<0>(state_);
  }
  const T& value() const& {
    PLATEAU_CHECK(ok(), ok() ? "" : error().message);
    return std::get<0>(state_);
  }
  T&& value() && {
    PLATEAU_CHECK(ok(), ok() ? "" : error().message);
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    PLATEAU_CHECK(state_.index() == 1, "error() of a Result that holds a value");
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    PLATEAU_CHECK(error_.has_value(), "error() of a Status that is ok");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

inline Error invalid_argument(std::string message) {
  return {ErrorKind::kInvalidArgument, std::move(message)};
}
inline Error not_found(std::string message) {
  return {ErrorKind::kNotFound, std::move(message)};
}
inline Error corrupt(std::string message) {
  return {ErrorKind::kCorrupt, std::move(message)};
}
inline Error io_error(std::string message) {
  return {ErrorKind::kIo, std::move(message)};
}
inline Error busy(std::string message) {
  return {ErrorKind::kBusy, std::move(message)};
}
inline Error internal_error(std::string message) {
  return {ErrorKind::kInternal, std::move(message)};
}

// The exit code of a command that ends with this error. Documented in README.md and --help:
// 0 done, 1 some trials failed, 2 bad input, 3 not found, 4 corrupt or of another version,
// 5 system (disk, network), 6 busy (locked, port in use), 70 internal, 130 interrupted.
inline int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return 2;
    case ErrorKind::kNotFound:
      return 3;
    case ErrorKind::kCorrupt:
    case ErrorKind::kVersion:
      return 4;
    case ErrorKind::kIo:
      return 5;
    case ErrorKind::kBusy:
      return 6;
    case ErrorKind::kInternal:
      return 70;
  }
  return 70;
}

}  // namespace plateau
