#include "coordinator/store/reuse.h"

#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/sqlite_store.h"

namespace plateau {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr const char* kTrialFile = "trial.json";  // the coordinator's own, not an artifact
constexpr const char* kStaging = ".reused";

// Attempts of this run, which was interrupted in the trial, keep their numbers; those of the other
// run follow.
constexpr const char* kTakeAttempts =
    "INSERT INTO attempts (trial, attempt, session, node, slot, alone, micro_batch_size, "
    "queued_ms, assigned_ms, started_ms, start_step, ended_ms, end, charged, message) "
    "SELECT ?1, attempt + ?3, session, node, slot, alone, micro_batch_size, queued_ms, "
    "assigned_ms, started_ms, start_step, ended_ms, end, charged, message "
    "FROM other.attempts WHERE trial = ?2";
constexpr const char* kTakeMetrics =
    "INSERT INTO metrics (trial, attempt, split, name, step, value) "
    "SELECT ?1, attempt + ?3, split, name, step, value FROM other.metrics WHERE trial = ?2";
constexpr const char* kTakeResult =
    "INSERT INTO results (trial, attempt, accepted_ms, result_json, artifacts_json) "
    "SELECT ?1, attempt + ?3, accepted_ms, result_json, artifacts_json "
    "FROM other.results WHERE trial = ?2";
constexpr const char* kTakeState =
    "UPDATE trials SET state = (SELECT state FROM other.trials WHERE id = ?2) WHERE id = ?1";
constexpr const char* kTakeOrigin =
    "INSERT OR REPLACE INTO reused (trial, run, folder, source_trial, wall_ms) "
    "VALUES (?1, ?2, ?3, ?4, ?5)";

// A link where the disk allows: nobody writes into an artifact, new ones are renamed into place.
Status link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (error) fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error) {
    return io_error(from.string() + " cannot be copied to " + to.string() + ": " + error.message());
  }
  return {};
}

Status take_artifact(const Json& artifact, const fs::path& from, const fs::path& to) {
  const auto name = artifact.value("name", std::string());
  const Result<std::string> hash = sha256_of_file(from / name);
  if (!hash) return hash.error();
  if (*hash != artifact.value("sha256", std::string())) {
    return corrupt((from / name).string() + " is not what its trial wrote (another SHA-256)");
  }
  if (Status made = make_folder((to / name).parent_path()); !made) return made;
  return link_or_copy(from / name, to / name);
}

// Copies and renames are on the disk before a row says so. Where it fails the file system cannot.
void sync_disk_of(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  static_cast<void>(::syncfs(fd));
  ::close(fd);
}

}  // namespace

Result<ResultReuse> ResultReuse::open(const fs::path& run_folder, const fs::path& other_folder) {
  std::error_code ignored;
  if (fs::equivalent(run_folder, other_folder, ignored)) {
    return invalid_argument("--reuse names this run itself, " + run_folder.string() +
                            "; its own finished trials count anyway");
  }
  {
    // Read alone first: another schema, another program's file.
    Result<Database> other = open_run_database(other_folder, Database::Mode::kReadOnly);
    if (!other) return other.error();
  }
  Result<Database> database = open_run_database(run_folder, Database::Mode::kReadWrite);
  if (!database) return database.error();
  Result<Statement> attach = database->prepare("ATTACH DATABASE ?1 AS other");
  if (!attach) return attach.error();
  const std::string path = (other_folder / kDatabaseName).string();
  if (Status s = attach->bind(1, std::string_view(path)).run(); !s) return s.error();
  return ResultReuse(std::move(*database), run_folder, other_folder);
}

Result<std::vector<ResultReuse::Candidate>> ResultReuse::candidates(TrialId first) {
  Result<Statement> rows = database_.prepare(
      "SELECT t.id, t.folder, o.id, o.folder, t.label, coalesce(r.artifacts_json, '') "
      "FROM main.trials t JOIN other.trials o ON o.key = t.key "
      "LEFT JOIN other.results r ON r.trial = o.id "
      "WHERE t.in_sweep = 1 AND t.id >= ?1 AND t.state = 'queued' "
      "AND (o.state = 'diverged' OR (o.state = 'finished' AND r.trial IS NOT NULL)) "
      "ORDER BY t.id");
  if (!rows) return rows.error();
  rows->bind(1, first.value);
  std::vector<Candidate> found;
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) return found;
    found.push_back({rows->integer(0), rows->text(1), rows->integer(2), rows->text(3),
                     rows->text(4), rows->text(5)});
  }
}

Status ResultReuse::take_files(const Candidate& candidate) const {
  const fs::path from = other_folder_ / candidate.source_folder;
  const fs::path to = run_folder_ / candidate.folder;
  const fs::path staging = run_folder_ / (candidate.folder + kStaging);
  std::error_code error;
  fs::remove_all(staging, error);
  if (Status made = make_folder(staging); !made) return made;
  const Json artifacts =
      Json::parse(candidate.artifacts_json.empty() ? "[]" : candidate.artifacts_json, nullptr,
                  /*allow_exceptions=*/false);
  if (!artifacts.is_array()) return corrupt("its list of artifacts cannot be read");
  for (const Json& artifact : artifacts) {
    if (Status taken = take_artifact(artifact, from, staging); !taken) return taken;
  }
  if (fs::exists(from / kTrialFile, error)) {
    if (Status s = link_or_copy(from / kTrialFile, staging / kTrialFile); !s) return s;
  }
  fs::remove_all(to, error);  // what an interrupted attempt left
  fs::rename(staging, to, error);
  if (error) return io_error(to.string() + " cannot be made: " + error.message());
  return {};
}

Status ResultReuse::take_rows(const Candidate& candidate, const std::string& other_name,
                              TimeMs wall_ms) {
  Result<Statement> last =
      database_.prepare("SELECT coalesce(max(attempt), 0) FROM main.attempts WHERE trial = ?1");
  if (!last) return last.error();
  if (Result<bool> row = last->bind(1, candidate.trial).step(); !row) return row.error();
  const std::int64_t before = last->integer(0);
  for (const char* sql : {kTakeAttempts, kTakeMetrics, kTakeResult, kTakeState}) {
    Result<Statement> take = database_.prepare(sql);
    if (!take) return take.error();
    take->bind(1, candidate.trial).bind(2, candidate.source_trial);
    if (sql != kTakeState) take->bind(3, before);
    if (Status done = take->run(); !done) return done;
  }
  Result<Statement> origin = database_.prepare(kTakeOrigin);
  if (!origin) return origin.error();
  const std::string folder = other_folder_.string();
  origin->bind(1, candidate.trial).bind(2, std::string_view(other_name));
  origin->bind(3, std::string_view(folder)).bind(4, candidate.source_trial).bind(5, wall_ms);
  return origin->run();
}

Result<Reused> ResultReuse::take(TimeMs wall_ms, TrialId first) {
  Result<std::vector<Candidate>> found = candidates(first);
  if (!found) return found.error();
  Reused reused;
  std::vector<const Candidate*> whole;
  for (const Candidate& candidate : *found) {
    if (Status taken = take_files(candidate); !taken) {
      std::error_code ignored;
      fs::remove_all(run_folder_ / (candidate.folder + kStaging), ignored);
      reused.left_out.push_back(candidate.label + " is trained here: " + taken.error().message);
      continue;
    }
    whole.push_back(&candidate);
  }
  if (whole.empty()) return reused;
  const Result<std::string> name =
      database_.text("SELECT coalesce(max(value), '') FROM other.meta WHERE key = 'name'");
  if (!name) return name.error();
  sync_disk_of(run_folder_);
  if (Status begun = database_.execute("BEGIN IMMEDIATE"); !begun) return begun.error();
  for (const Candidate* candidate : whole) {
    if (Status taken = take_rows(*candidate, *name, wall_ms); !taken) {
      (void)database_.execute("ROLLBACK");
      return taken.error();
    }
    reused.taken.push_back(TrialId{candidate->trial});
  }
  if (Status done = database_.execute("COMMIT"); !done) return done.error();
  return reused;
}

}  // namespace plateau
