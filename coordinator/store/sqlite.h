// SQLite with RAII and Result: a connection and its prepared statements. Ours alone; no SQL is
// ever put together from data.
//
// One thread owns a Database and the Statements made from it, which must not outlive it. All calls
// block on the disk. Errors: kIo (disk full, no permission), kBusy (locked for longer than the
// timeout), kCorrupt (damaged, or no database), kInternal (a mistake of ours, constraints too).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace plateau {

// Readers never hold a lock for long.
inline constexpr DurationMs kBusyTimeoutMs = 5'000;

class Statement {
 public:
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Parameters are numbered from 1. Text is copied.
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);  // a NaN becomes NULL
  Statement& bind(int index, std::string_view value);
  Statement& bind_null(int index);

  // The next row: true when there is one. At the end, or on an error, the statement is reset and
  // can be bound anew.
  Result<bool> step();
  // For statements without rows.
  Status run();
  // Rows that the last run() changed.
  std::int64_t changes() const;

  // Columns are numbered from 0.
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  Statement(sqlite3* database, sqlite3_stmt* statement, const std::string* path)
      : database_(database), statement_(statement), path_(path) {}

  sqlite3* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  const std::string* path_ = nullptr;  // the database's, for messages
};

class Database {
 public:
  enum class Mode { kReadOnly, kReadWrite };  // kReadWrite makes the file if needed

  // A statement waits up to busy_timeout_ms for another connection's lock. kNotFound: kReadOnly and
  // no file.
  static Result<Database> open(const std::filesystem::path& path, Mode mode,
                               DurationMs busy_timeout_ms = kBusyTimeoutMs);
  ~Database();
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One or more statements without parameters, from source text only.
  Status execute(const char* sql);
  Result<Statement> prepare(const char* sql);
  // The first column of the first row.
  Result<std::int64_t> integer(const char* sql);
  Result<std::string> text(const char* sql);

 private:
  Database(sqlite3* handle, std::string path);

  sqlite3* handle_ = nullptr;
  std::unique_ptr<std::string> path_;  // stays where it is when the Database moves
};

}  // namespace plateau
