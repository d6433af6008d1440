#include "worker/trainer/model/pass_rows.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "common/base/check.h"
#include "worker/trainer/model/hooks.h"

namespace plateau::trainer {
namespace {

void add_edited_rows(const std::vector<RowShare>& shares, std::int64_t layer,
                     std::vector<std::int64_t>& rows) {
  for (const RowShare& share : shares) {
    if (share.hooks == nullptr) continue;
    for (const std::int64_t row : share.hooks->edited_rows(block_input(share, layer)))
      rows.push_back(share.first_row + row);
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

// Among `kept`, of the rows from `first` to before `end`.
std::int64_t count_between(const std::vector<std::int64_t>& kept, std::int64_t first,
                           std::int64_t end) {
  return std::lower_bound(kept.begin(), kept.end(), end) -
         std::lower_bound(kept.begin(), kept.end(), first);
}

RowShare kept_share(const RowShare& share, const std::vector<std::int64_t>& kept) {
  RowShare result{count_between(kept, 0, share.first_row), 0, {}, share.hooks, share.key, {}, {}};
  std::int64_t first = share.first_row;
  for (const std::int64_t length : share.lengths) {
    result.lengths.push_back(count_between(kept, first, first + length));
    result.rows += result.lengths.back();
    first += length;
  }
  return result;
}

}  // namespace

std::int64_t BlockRows::place_of(std::int64_t row) const {
  if (kept.empty()) return row;
  const auto found = std::lower_bound(kept.begin(), kept.end(), row);
  PLATEAU_CHECK(found != kept.end() && *found == row, "a row was left out that is read");
  return found - kept.begin();
}

PassRows pass_rows(const PackedBatch& batch, std::int64_t layers, std::vector<std::int64_t> read) {
  PassRows rows;
  rows.layers = layers;
  rows.all.shares = token_shares(batch);
  rows.last = rows.all;
  if (read.empty()) return rows;
  add_edited_rows(rows.all.shares, layers - 1, read);
  rows.last.shares.clear();
  for (const RowShare& share : rows.all.shares)
    rows.last.shares.push_back(kept_share(share, read));
  rows.last.index = at::tensor(read, at::kLong).to(batch.token_ids.device());
  rows.last.kept = std::move(read);
  return rows;
}

}  // namespace plateau::trainer
