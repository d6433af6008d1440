#include "coordinator/store/schema.h"
#include "coordinator/store/sqlite_store.h"

namespace plateau {
namespace {

Status check_identity(Database& database, const std::string& path) {
  Result<std::int64_t> application = database.integer("PRAGMA application_id");
  if (!application) return application.error();
  Result<std::int64_t> version = database.integer("PRAGMA user_version");
  if (!version) return version.error();
  if (*application != kApplicationId) {
    return corrupt(path +
                   " is an SQLite database, but not of a Plateau run. Choose another run "
                   "folder (--name), or move that file away");
  }
  if (*version != kSchemaVersion) {
    return Error{ErrorKind::kVersion,
                 path + " has schema version " + std::to_string(*version) +
                     "; this program reads "
                     "version " +
                     std::to_string(kSchemaVersion) +
                     ". Finish the run with the program that began it, or start another run with "
                     "--name"};
  }
  return {};
}

// Inside one transaction, so that a crash leaves no half a schema.
Status make_schema(Database& database) {
  const std::string identity = "PRAGMA application_id = " + std::to_string(kApplicationId) +
                               "; PRAGMA user_version = " + std::to_string(kSchemaVersion) + ";";
  const std::string all =
      std::string("BEGIN IMMEDIATE;") + kSchema + kSearchSchema + identity + "COMMIT;";
  Status made = database.execute(all.c_str());
  if (!made) (void)database.execute("ROLLBACK");
  return made;
}

Status prepare_writer(Database& database, const std::string& path) {
  // FULL: a commit is on the disk when it returns, so what was acknowledged survives a power cut.
  if (Status set = database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                                    "PRAGMA foreign_keys = ON;");
      !set) {
    return set;
  }
  Result<std::int64_t> tables = database.integer("SELECT count(*) FROM sqlite_master");
  if (!tables) return tables.error();
  if (*tables == 0) return make_schema(database);
  if (Status known = check_identity(database, path); !known) return known;
  Result<std::string> sound = database.text("PRAGMA quick_check(1)");
  if (!sound) return sound.error();
  if (*sound != "ok") {
    return corrupt("the run's database " + path + " is damaged: " + *sound +
                   ". Restore the run folder from a copy, or start another run with --name; "
                   "finished trials' files under trials/ are untouched");
  }
  return database.execute(kSearchSchema);
}

}  // namespace

Result<Database> open_run_database(const std::filesystem::path& run_folder, Database::Mode mode,
                                   DurationMs busy_timeout_ms) {
  const std::filesystem::path path = run_folder / kDatabaseName;
  Result<Database> database = Database::open(path, mode, busy_timeout_ms);
  if (!database) return database;
  const Status ready = mode == Database::Mode::kReadWrite
                           ? prepare_writer(*database, path.string())
                           : check_identity(*database, path.string());
  if (!ready) return ready.error();
  return database;
}

}  // namespace plateau
