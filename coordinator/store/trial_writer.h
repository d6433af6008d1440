// Adds trials to a database, inside the caller's transaction. Part of sqlite_store.
#pragma once

#include <string>
#include <unordered_map>

#include "common/spec/trial_texts.h"
#include "coordinator/store/new_trials.h"
#include "coordinator/store/sqlite.h"
#include "coordinator/store/store.h"

namespace plateau {

// Of a trial whose key is known the newest text is kept.
class TrialWriter {
 public:
  static Result<TrialWriter> prepare(Database& database);

  struct Written {
    TrialFacts facts;
    std::string known_state;  // empty: it is new
  };
  Result<Written> write(const NewTrial& trial);

 private:
  struct Statements {
    Statement known;
    Statement keep;
    Statement add;
    Statement cell_size;
    Statement find_piece;
    Statement add_piece;
  };
  TrialWriter(Statements statements, std::int64_t last_id)
      : sql_(std::move(statements)), nothing_before_(last_id == 0), last_id_(last_id) {}

  Status bind_pieces(Statement& statement, const TrialPieces& pieces);
  Result<std::int64_t> piece(const std::string& text);
  Result<Written> keep(const NewTrial& trial, const NewTexts& texts);
  Result<std::int64_t> next_round(const NewTexts& texts);

  Statements sql_;
  const bool nothing_before_;
  std::int64_t last_id_;
  TrialTexts texts_;
  std::unordered_map<Digest, std::int64_t, DigestHash> cell_sizes_;  // of those asked for
  std::unordered_map<std::string, std::int64_t> pieces_;  // ids of some that were asked for
};

}  // namespace plateau
