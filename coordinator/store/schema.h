// The database of a run, as SQL. Times are wall times in ms since 1970; 0: did not happen.
#pragma once

namespace plateau {

// Another number in a file means another schema: it is refused, never guessed at.
inline constexpr int kSchemaVersion = 2;
// "Plat": tells a run's database from any other SQLite file.
inline constexpr int kApplicationId = 0x506c6174;

inline constexpr const char* kDatabaseName = "plateau.db";

inline constexpr const char* kSchema = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE trials (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,           -- trial_key
  cell TEXT NOT NULL,                 -- cell_key
  label TEXT NOT NULL,
  folder TEXT NOT NULL,
  -- its JSON, of which trials of a sweep share nearly all: trial_pieces
  adapter_piece INTEGER NOT NULL,
  base_piece INTEGER NOT NULL,
  settings_piece INTEGER NOT NULL,
  seed_piece INTEGER NOT NULL,
  task_piece INTEGER NOT NULL,
  is_baseline INTEGER NOT NULL,
  in_sweep INTEGER NOT NULL,          -- 0: the sweep names it no longer
  round INTEGER NOT NULL,
  sharing_group TEXT NOT NULL,
  expected_ms INTEGER NOT NULL,
  alone INTEGER NOT NULL,
  batch_size INTEGER NOT NULL,
  micro_batch_size INTEGER NOT NULL,
  state TEXT NOT NULL,                -- to_string(TrialStatus)
  reason TEXT NOT NULL DEFAULT '',
  charged INTEGER NOT NULL DEFAULT 0,
  retry_alone INTEGER NOT NULL DEFAULT 0,
  retry_pack_cap INTEGER NOT NULL DEFAULT 0,
  retry_micro_batch_size INTEGER NOT NULL DEFAULT 0,
  retry_avoid_node TEXT NOT NULL DEFAULT ''
);
CREATE INDEX trials_by_cell ON trials (cell);
CREATE INDEX trials_by_state ON trials (in_sweep, state);  -- for status

CREATE TABLE trial_pieces (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

CREATE VIEW trial_json (trial, json) AS  -- common/spec/trial.h
SELECT t.id, a.text || b.text || s.text || n.text || k.text
FROM trials t CROSS JOIN trial_pieces a ON a.id = t.adapter_piece
CROSS JOIN trial_pieces b ON b.id = t.base_piece
CROSS JOIN trial_pieces s ON s.id = t.settings_piece
CROSS JOIN trial_pieces n ON n.id = t.seed_piece
CROSS JOIN trial_pieces k ON k.id = t.task_piece;

CREATE TABLE attempts (
  trial INTEGER NOT NULL REFERENCES trials (id),
  attempt INTEGER NOT NULL,
  session INTEGER NOT NULL,
  node TEXT NOT NULL,
  slot INTEGER NOT NULL,
  alone INTEGER NOT NULL,
  micro_batch_size INTEGER NOT NULL,
  queued_ms INTEGER NOT NULL,
  assigned_ms INTEGER NOT NULL,
  started_ms INTEGER NOT NULL DEFAULT 0,
  start_step INTEGER NOT NULL DEFAULT 0,
  ended_ms INTEGER NOT NULL DEFAULT 0,
  end TEXT,                           -- to_string(AttemptEnd); NULL: open
  charged INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (trial, attempt)
) WITHOUT ROWID;

CREATE TABLE checkpoints (            -- the newest of each trial that is at the coordinator
  trial INTEGER PRIMARY KEY REFERENCES trials (id),
  attempt INTEGER NOT NULL,
  step INTEGER NOT NULL,
  name TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL
);

CREATE TABLE metrics (
  trial INTEGER NOT NULL REFERENCES trials (id),
  attempt INTEGER NOT NULL,
  split TEXT NOT NULL,
  name TEXT NOT NULL,
  step INTEGER NOT NULL,
  value REAL,                         -- NULL: not a number
  PRIMARY KEY (trial, attempt, split, name, step)
) WITHOUT ROWID;

CREATE TABLE results (                -- exactly one of each finished trial
  trial INTEGER PRIMARY KEY REFERENCES trials (id),
  attempt INTEGER NOT NULL,
  accepted_ms INTEGER NOT NULL,
  result_json TEXT NOT NULL,
  artifacts_json TEXT NOT NULL
);

CREATE TABLE sessions (
  session INTEGER PRIMARY KEY,
  worker_name TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  acked_sequence INTEGER NOT NULL
);

CREATE TABLE nodes_set_aside (node TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  trial INTEGER,                      -- NULL: of the run
  text TEXT NOT NULL
);
CREATE INDEX notes_by_trial ON notes (trial);
)sql";

// Made when they are missing: older runs have none, and older readers do not mind them.
inline constexpr const char* kSearchSchema = R"sql(
CREATE TABLE IF NOT EXISTS proposals (  -- what a search decided, in order
  id INTEGER PRIMARY KEY,
  wall_ms INTEGER NOT NULL,
  space TEXT NOT NULL,                -- fingerprint of what it is a point of
  point_json TEXT NOT NULL,
  values_json TEXT NOT NULL,
  reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS reused (     -- trials whose result is another run's
  trial INTEGER PRIMARY KEY REFERENCES trials (id),
  run TEXT NOT NULL,                  -- its name
  folder TEXT NOT NULL,
  source_trial INTEGER NOT NULL,      -- the trial's number there
  wall_ms INTEGER NOT NULL
);
)sql";

}  // namespace plateau
