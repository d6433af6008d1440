// LoReFT on texts whose padding is computed, as pyreft has it: only recorded runs need that.
#include <algorithm>
#include <map>

#include <ATen/ATen.h>

#include "worker/trainer/adapters/loreft.h"

namespace plateau::trainer {
namespace {

using Where = LoreftSite::Where;

// One site's rows among a trial's, ascending, and how often pyreft takes each.
std::map<std::int64_t, std::int64_t> site_rows(Where where, const Positions& positions,
                                               const BlockInput& input) {
  std::map<std::int64_t, std::int64_t> rows;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < input.lengths.size(); ++i) {
    for (const auto& [place, count] : padded_places(where, positions, input.texts[i]))
      rows[start + place] = count;
    start += input.lengths[i];
  }
  return rows;
}

}  // namespace

std::map<std::int64_t, std::int64_t> padded_places(Where where, const Positions& positions,
                                                   const TextRows& text) {
  std::map<std::int64_t, std::int64_t> places;
  const auto take = [&](const std::vector<std::int64_t>& found, std::int64_t wanted) {
    for (const std::int64_t place : found)
      ++places[text.begin + place];
    const std::int64_t missing = wanted - static_cast<std::int64_t>(found.size());
    if (missing > 0 && text.begin > 0) places[text.begin - 1] += missing;
  };
  if (where != Where::kLast) take(first_positions(positions, text.count), positions.first);
  if (where != Where::kFirst) take(last_positions(positions, text.count), positions.last);
  return places;
}

std::vector<std::int64_t> Loreft::padded_rows(const BlockInput& input) const {
  std::map<std::int64_t, std::int64_t> all;
  for (const LoreftSite& site : sites_) {
    if (site.layer == input.layer) all.merge(site_rows(site.where, settings_.positions, input));
  }
  std::vector<std::int64_t> rows;
  for (const auto& [row, count] : all)
    rows.push_back(row);
  return rows;
}

// One site after the other. pyreft writes a row that it takes k times k times with the same values,
// so its gradient arrives k times.
at::Tensor Loreft::edit_padded(const BlockInput& input, const at::Tensor& rows) const {
  const std::vector<std::int64_t> all = padded_rows(input);
  at::Tensor current = rows;
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i].layer != input.layer) continue;
    std::vector<std::int64_t> places;
    std::vector<double> repeats;
    for (const auto& [row, count] : site_rows(sites_[i].where, settings_.positions, input)) {
      places.push_back(std::lower_bound(all.begin(), all.end(), row) - all.begin());
      repeats.push_back(static_cast<double>(count) - 1.0);
    }
    if (places.empty()) continue;
    const at::Tensor index = at::tensor(places, at::kLong).to(rows.device());
    const std::vector<std::int64_t> counts = {static_cast<std::int64_t>(places.size())};
    const at::Tensor edited = edit(i, input, current.index_select(0, index), counts);
    const at::Tensor again =
        at::tensor(repeats, at::kDouble).to(rows.options().requires_grad(false)).unsqueeze(1);
    current = current.index_copy(0, index, edited + again * (edited - edited.detach()));
  }
  return current;
}

}  // namespace plateau::trainer
