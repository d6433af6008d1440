#include "coordinator/store/sqlite.h"

#include <cmath>
#include <utility>

#include <sqlite3.h>

namespace plateau {
namespace {

Error sqlite_error(sqlite3* database, const std::string& path) {
  const int code = database == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(database);
  const std::string cause =
      database == nullptr ? "out of memory" : std::string(sqlite3_errmsg(database));
  const std::string what = "the run's database " + path;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return io_error(what + " could not be written: the disk is full. Free some space and run " +
                      "the same command again; nothing finished is lost");
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_FSYNC) {
        return io_error(what + " could not be written (" + cause + "): the disk or its quota is " +
                        "probably full. Free some space and run the same command again; nothing " +
                        "finished is lost");
      }
      return io_error(what + " could not be read or written (" + cause + "). Mend the disk and " +
                      "run the same command again");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return io_error(what + " cannot be opened for writing (" + cause +
                      "). Check that the run folder is yours and the disk is not mounted " +
                      "read-only");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return busy(what + " is locked by another process. Close what holds it (a sqlite3 shell?) " +
                  "and run the same command again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corrupt(what + " is damaged or not a database (" + cause +
                     "). Restore the run folder from a copy, or start another run with --name; " +
                     "finished trials' files under trials/ are untouched");
    default:
      return internal_error(what + ": " + cause + " (SQLite code " + std::to_string(code) + ")");
  }
}

}  // namespace

Statement::~Statement() {
  sqlite3_finalize(statement_);
}
Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      path_(other.path_) {}
Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(statement_, other.statement_);
  std::swap(path_, other.path_);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  PLATEAU_CHECK(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK, "binding a number");
  return *this;
}
Statement& Statement::bind(int index, double value) {
  if (std::isnan(value)) return bind_null(index);
  PLATEAU_CHECK(sqlite3_bind_double(statement_, index, value) == SQLITE_OK, "binding a number");
  return *this;
}
Statement& Statement::bind(int index, std::string_view value) {
  // A null pointer would bind NULL instead of the empty text.
  const char* data = value.data() == nullptr ? "" : value.data();
  PLATEAU_CHECK(sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT,
                                    SQLITE_UTF8) == SQLITE_OK,
                "binding a text");
  return *this;
}
Statement& Statement::bind_null(int index) {
  PLATEAU_CHECK(sqlite3_bind_null(statement_, index) == SQLITE_OK, "binding nothing");
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  Error error = sqlite_error(database_, *path_);
  sqlite3_reset(statement_);
  return error;
}

Status Statement::run() {
  Result<bool> more = step();
  if (!more) return more.error();
  PLATEAU_CHECK(!*more, "run() is for statements without rows");
  return {};
}

std::int64_t Statement::changes() const {
  return sqlite3_changes(database_);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Statement::real(int column) const {
  return is_null(column) ? std::nan("") : sqlite3_column_double(statement_, column);
}
std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Database::Database(sqlite3* handle, std::string path)
    : handle_(handle), path_(std::make_unique<std::string>(std::move(path))) {}
Database::~Database() {
  sqlite3_close_v2(handle_);
}
Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)) {}
Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(path_, other.path_);
  return *this;
}

Result<Database> Database::open(const std::filesystem::path& path, Mode mode,
                                DurationMs busy_timeout_ms) {
  std::error_code ignored;
  if (mode == Mode::kReadOnly && !std::filesystem::exists(path, ignored)) {
    return not_found("there is no run database at " + path.string() +
                     ". Name a run folder, such as runs/quickstart");
  }
  const int flags =
      mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    Error error = sqlite_error(handle, path.string());
    sqlite3_close_v2(handle);
    return error;
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(busy_timeout_ms));
  return Database(handle, path.string());
}

Status Database::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return sqlite_error(handle_, *path_);
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
      SQLITE_OK) {
    return sqlite_error(handle_, *path_);
  }
  return Statement(handle_, statement, path_.get());
}

Result<std::int64_t> Database::integer(const char* sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return statement.error();
  Result<bool> row = statement->step();
  if (!row) return row.error();
  return *row ? statement->integer(0) : std::int64_t{0};
}

Result<std::string> Database::text(const char* sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return statement.error();
  Result<bool> row = statement->step();
  if (!row) return row.error();
  return *row ? statement->text(0) : std::string();
}

}  // namespace plateau
