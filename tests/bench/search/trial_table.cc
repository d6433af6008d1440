#include "tests/bench/search/trial_table.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

namespace plateau::bench {
namespace {

// adapter,rank,learning_rate,seed,then accuracies, then losses, as many of each.
constexpr std::size_t kNames = 4;

struct Row {
  std::string adapter;
  std::int64_t rank = 0;
  double learning_rate = 0;
  int seed = 0;
  std::vector<double> accuracies;
  std::vector<double> losses;
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, ',');)
    fields.push_back(field);
  if (!line.empty() && line.back() == ',') fields.emplace_back();
  return fields;
}

Row row_of(const std::vector<std::string>& fields) {
  Row row{fields[0], std::stoll(fields[1]), std::stod(fields[2]), std::stoi(fields[3]), {}, {}};
  const std::size_t points = (fields.size() - kNames) / 2;
  // Nothing after a divergence: as bad as can be.
  for (std::size_t i = kNames; i < kNames + points; ++i) {
    const std::string& loss = fields[i + points];
    row.accuracies.push_back(fields[i].empty() ? 0.0 : std::stod(fields[i]));
    row.losses.push_back(loss.empty() ? std::numeric_limits<double>::infinity() : std::stod(loss));
  }
  return row;
}

template <typename T>
std::size_t place(std::vector<T>& list, const T& value) {
  const auto found = std::find(list.begin(), list.end(), value);
  if (found == list.end()) list.push_back(value);
  return static_cast<std::size_t>(std::find(list.begin(), list.end(), value) - list.begin());
}

// The square root of the mean variance (with n - 1) over cells, weighted by n - 1.
double pooled_deviation(const std::map<std::string, std::vector<double>>& lasts) {
  double squares = 0;
  double freedom = 0;
  for (const auto& [cell, values] : lasts) {
    double mean = 0;
    for (const double value : values)
      mean += value / static_cast<double>(values.size());
    for (const double value : values)
      squares += std::pow(value - mean, 2);
    freedom += static_cast<double>(values.size() - 1);
  }
  return freedom > 0 ? std::sqrt(squares / freedom) : 0.0;
}

}  // namespace

Result<TrialTable> read_trial_table(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) return Error{ErrorKind::kNotFound, file.string() + " cannot be read"};
  TrialTable table;
  std::map<std::string, std::vector<double>> lasts;
  std::string line;
  std::getline(stream, line);
  const std::size_t fields = split(line).size();
  while (std::getline(stream, line)) {
    const std::vector<std::string> parts = split(line);
    if (parts.size() != fields || fields <= kNames) {
      return Error{ErrorKind::kCorrupt,
                   file.string() + ": not " + std::to_string(fields) + " fields: " + line};
    }
    Row row = row_of(parts);
    lasts[parts[0] + ',' + parts[1] + ',' + parts[2]].push_back(row.accuracies.back());
    if (row.seed != 0) continue;
    Cell cell{place(table.adapters, row.adapter), place(table.ranks, row.rank),
              place(table.learning_rates, row.learning_rate), std::move(row.accuracies),
              std::move(row.losses)};
    const std::size_t expected =
        (cell.adapter * table.ranks.size() + cell.rank) * table.learning_rates.size() +
        cell.learning_rate;
    // The lists are whole after the first adapter; before, rows are taken as they come.
    if (cell.adapter > 0 && expected != table.cells.size()) {
      return Error{ErrorKind::kCorrupt, file.string() + ": not in the order of a grid: " + line};
    }
    table.cells.push_back(std::move(cell));
  }
  if (table.cells.empty() || table.cells.size() != table.adapters.size() * table.ranks.size() *
                                                       table.learning_rates.size()) {
    return Error{ErrorKind::kCorrupt, file.string() + ": cells are missing"};
  }
  table.seed_deviation = pooled_deviation(lasts);
  return table;
}

}  // namespace plateau::bench
