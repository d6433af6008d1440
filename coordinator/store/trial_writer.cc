#include "coordinator/store/trial_writer.h"

#include <optional>
#include <utility>

namespace plateau {
namespace {

// Pieces remembered: far more than a sweep's trials differ in side by side.
constexpr std::size_t kPiecesMax = 4096;
// The first parameter of the statements below that is a piece's id; the others follow.
constexpr int kFirstPiece = 10;

}  // namespace

Result<TrialWriter> TrialWriter::prepare(Database& database) {
  Status failed;
  const auto make = [&](const char* sql) -> std::optional<Statement> {
    if (!failed) return std::nullopt;
    Result<Statement> statement = database.prepare(sql);
    if (statement) return std::move(*statement);
    failed = statement.error();
    return std::nullopt;
  };
  auto known = make("SELECT id, state, round FROM trials WHERE key = ?1");
  // Equal keys mean equal numbers; what else the trial says (paths, budgets) is the newest.
  auto keep = make(
      "UPDATE trials SET in_sweep = 1, expected_ms = ?2, alone = ?3, micro_batch_size = ?4, "
      "adapter_piece = ?10, base_piece = ?11, settings_piece = ?12, seed_piece = ?13, "
      "task_piece = ?14 WHERE id = ?1");
  auto add = make(
      "INSERT INTO trials (id, key, cell, label, folder, is_baseline, round, sharing_group, "
      "expected_ms, adapter_piece, base_piece, settings_piece, seed_piece, task_piece, alone, "
      "batch_size, micro_batch_size, in_sweep, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
      "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, 1, 'queued')");
  auto cell_size = make("SELECT count(*) FROM trials WHERE cell = ?1");
  auto find_piece = make("SELECT id FROM trial_pieces WHERE text = ?1");
  auto add_piece = make("INSERT INTO trial_pieces (text) VALUES (?1) RETURNING id");
  if (!failed) return failed.error();
  const Result<std::int64_t> last_id = database.integer("SELECT coalesce(max(id), 0) FROM trials");
  if (!last_id) return last_id.error();
  return TrialWriter({std::move(*known), std::move(*keep), std::move(*add), std::move(*cell_size),
                      std::move(*find_piece), std::move(*add_piece)},
                     *last_id);
}

Result<std::int64_t> TrialWriter::piece(const std::string& text) {
  if (const auto found = pieces_.find(text); found != pieces_.end()) return found->second;
  std::int64_t id = 0;
  for (Statement* statement : {&sql_.find_piece, &sql_.add_piece}) {
    const Result<bool> row = statement->bind(1, std::string_view(text)).step();
    if (!row) return row.error();
    if (!*row) continue;
    id = statement->integer(0);
    if (Result<bool> end = statement->step(); !end) return end.error();
    break;
  }
  if (pieces_.size() >= kPiecesMax) pieces_.clear();
  return pieces_[text] = id;
}

Status TrialWriter::bind_pieces(Statement& statement, const TrialPieces& pieces) {
  int parameter = kFirstPiece;
  for (const std::string& text : pieces) {
    const Result<std::int64_t> id = piece(text);
    if (!id) return id.error();
    statement.bind(parameter++, *id);
  }
  return {};
}

// Its place among the trials of its cell. Asked for cell by cell: a search adds one to many.
Result<std::int64_t> TrialWriter::next_round(const NewTexts& texts) {
  const auto [size, is_first] = cell_sizes_.emplace(texts.keys.cell, 0);
  if (is_first && !nothing_before_) {
    const Result<bool> row = sql_.cell_size.bind(1, texts.cell).step();
    if (!row) return row.error();
    if (*row) size->second = sql_.cell_size.integer(0);
    if (Result<bool> end = sql_.cell_size.step(); !end) return end.error();
  }
  return size->second++;
}

Result<TrialWriter::Written> TrialWriter::keep(const NewTrial& trial, const NewTexts& texts) {
  const TrialId id{sql_.known.integer(0)};
  Written written{facts_of(trial, id, sql_.known.integer(2)), sql_.known.text(1)};
  if (Result<bool> end = sql_.known.step(); !end) return end.error();
  sql_.keep.bind(1, id.value).bind(2, trial.expected_ms).bind(3, std::int64_t{trial.alone});
  sql_.keep.bind(4, trial.trial.micro_batch_size);
  if (Status bound = bind_pieces(sql_.keep, texts.pieces); !bound) return bound.error();
  if (Status kept = sql_.keep.run(); !kept) return kept.error();
  return written;
}

Result<TrialWriter::Written> TrialWriter::write(const NewTrial& trial) {
  const NewTexts texts = texts_of(trial, texts_);
  const Result<bool> found = sql_.known.bind(1, texts.key).step();
  if (!found) return found.error();
  if (*found) return keep(trial, texts);
  const Result<std::int64_t> round = next_round(texts);
  if (!round) return round.error();
  const TrialFacts facts = facts_of(trial, TrialId{++last_id_}, *round);
  Statement& add = sql_.add;
  add.bind(1, facts.id.value).bind(2, texts.key).bind(3, texts.cell).bind(4, texts.label);
  add.bind(5, texts.folder).bind(6, std::int64_t{trial.is_baseline}).bind(7, facts.round);
  add.bind(8, facts.group).bind(9, facts.expected_ms);
  if (Status bound = bind_pieces(add, texts.pieces); !bound) return bound.error();
  add.bind(15, std::int64_t{facts.alone}).bind(16, facts.batch_size);
  add.bind(17, facts.micro_batch_size);
  if (Status added = add.run(); !added) return added.error();
  return Written{facts, ""};
}

}  // namespace plateau
