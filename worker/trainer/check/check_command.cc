#include "worker/trainer/check/check_command.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>

#include <c10/util/Exception.h>

#include "worker/trainer/check/compare.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;

constexpr char kUsage[] =
    "plateau-trainer check CASE_DIR... [--base NAME=FOLDER] [--device DEVICE] "
    "[--precision float32|float64|bfloat16]";

struct Arguments {
  std::vector<fs::path> folders;
  std::map<std::string, fs::path> bases;
  std::string device = "cpu";
  std::string precision = "float32";
};

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("--")) {
      arguments.folders.emplace_back(word);
      continue;
    }
    if (word != "--base" && word != "--device" && word != "--precision") {
      return invalid_argument("unknown option " + word + "; usage: " + kUsage);
    }
    if (++i == words.size()) {
      return invalid_argument(word + " needs a value; usage: " + kUsage);
    }
    if (word != "--base") {
      (word == "--device" ? arguments.device : arguments.precision) = words[i];
      continue;
    }
    const std::size_t equals = words[i].find('=');
    if (equals == 0 || equals == std::string::npos) {
      return invalid_argument("--base needs NAME=FOLDER, not '" + words[i] + "'");
    }
    arguments.bases[words[i].substr(0, equals)] = words[i].substr(equals + 1);
  }
  if (arguments.folders.empty()) {
    return invalid_argument(std::string("check needs case folders; usage: ") + kUsage);
  }
  return arguments;
}

// The folder itself, or the cases below it, sorted.
Result<std::vector<fs::path>> cases_in(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return not_found(folder.string() + " is no folder; give folders that hold a result.json");
  }
  if (fs::exists(folder / "result.json", error)) return std::vector<fs::path>{folder};
  std::vector<fs::path> found;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename() == "result.json") found.push_back(at->path().parent_path());
  }
  if (error) return io_error("cannot read " + folder.string() + ": " + error.message());
  if (found.empty()) {
    return not_found(folder.string() + " holds no case: there is no result.json in or below it");
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string scientific(double value) {
  std::ostringstream text;
  text << std::scientific << std::setprecision(2) << value;
  return text.str();
}

std::string verdict(const std::vector<CheckRow>& rows) {
  const auto all = [&](auto predicate) { return std::all_of(rows.begin(), rows.end(), predicate); };
  if (all([](const CheckRow& row) { return row.is_within_tolerance(); })) return "agrees";
  if (all([](const CheckRow& row) { return row.holds(); }))
    return "agrees, as far as float32 is exact here";
  return "DIFFERS";
}

std::string remark(const CheckRow& row) {
  if (row.is_within_tolerance()) return "  " + row.note;
  const std::string rounding =
      row.rounding == 0.0 ? "" : "(float32 is " + scientific(row.rounding) + " from float64) ";
  return (row.holds() ? "  rounding " : "  DIFFERS ") + rounding + row.note;
}

void print(const std::string& name, const std::vector<CheckRow>& rows, std::ostream& out) {
  out << name << ": " << verdict(rows) << "\n";
  out << "  " << std::left << std::setw(24) << "" << std::right << std::setw(12) << "difference"
      << std::setw(12) << "tolerance"
      << "\n";
  for (const CheckRow& row : rows) {
    out << "  " << std::left << std::setw(24) << row.what << std::right << std::setw(12)
        << scientific(row.difference) << std::setw(12) << scientific(row.tolerance) << remark(row)
        << "\n";
  }
}

Result<std::vector<CheckRow>> check(const GoldenCase& golden, const Arguments& arguments) {
  try {
    const auto base = find_golden_base(golden, arguments.bases);
    if (!base) return base.error();
    const auto batch = read_golden_batch(golden);
    if (!batch) return batch.error();
    GoldenOptions options;
    const auto dtype = dtype_of_precision(arguments.precision);
    if (!dtype) return dtype.error();
    options.options = options.options.device(arguments.device).dtype(*dtype);
    const auto run = run_golden_case(golden, *base, *batch, options);
    if (!run) return run.error();
    const auto record = recorded(golden, *batch, *run);
    if (!record) return record.error();
    auto rows = compare_golden_case(golden, *base, *record, *run);
    if (*dtype != at::kFloat) return rows;
    if (Status status = allow_for_rounding(golden, *base, *batch, *record, *run, rows); !status)
      return status.error();
    return rows;
  } catch (const nlohmann::json::exception& failure) {
    return corrupt((golden.folder / "result.json").string() + ": " + failure.what());
  } catch (const c10::Error& failure) {
    return Error{ErrorKind::kInternal, golden.name() + ": " + failure.what_without_backtrace()};
  }
}

// What all cases together came to.
struct Tally {
  int agree = 0, differ = 0, passed_over = 0, errors = 0;
  int code = 0;

  void error(const Error& error, std::ostream& err) {
    err << "plateau-trainer: " << error.message << std::endl;
    ++errors;
    if (code == 0 || code == 1) code = exit_code(error.kind);
  }
};

void check_folder(const fs::path& folder, const Arguments& arguments, Tally& tally,
                  std::ostream& out, std::ostream& err) {
  const auto golden = read_golden_case(folder);
  if (!golden) return tally.error(golden.error(), err);
  if (golden->status != "ok") {
    out << golden->name() << ": passed over, the reference has status " << golden->status << " ("
        << golden->why << ")" << std::endl;
    ++tally.passed_over;
    return;
  }
  const auto rows = check(*golden, arguments);
  if (!rows) return tally.error(rows.error(), err);
  print(golden->name(), *rows, out);
  out << std::flush;
  const bool holds =
      std::all_of(rows->begin(), rows->end(), [](const CheckRow& row) { return row.holds(); });
  ++(holds ? tally.agree : tally.differ);
  if (!holds && tally.code == 0) tally.code = 1;
}

}  // namespace

int check_command(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  const auto arguments = parse(words);
  Tally tally;
  if (!arguments) {
    tally.error(arguments.error(), err);
    return tally.code;
  }
  for (const fs::path& folder : arguments->folders) {
    const auto cases = cases_in(folder);
    if (!cases) {
      tally.error(cases.error(), err);
      continue;
    }
    for (const fs::path& found : *cases)
      check_folder(found, *arguments, tally, out, err);
  }
  out << tally.agree << " agree, " << tally.differ << " differ, " << tally.passed_over
      << " passed over, " << tally.errors << " could not be checked" << std::endl;
  return tally.code;
}

}  // namespace plateau::trainer
