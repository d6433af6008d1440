// What the component writes, read back by Arrow: types, values, missing ones, the same bytes.
#include "coordinator/results/parquet/parquet.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <unistd.h>

#include "common/base/file.h"
#include "coordinator/results/cells.h"
#include "coordinator/results/export.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

std::shared_ptr<arrow::Table> read_back(const std::string& bytes) {
  auto reader = parquet::arrow::OpenFile(
      std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes)),
      arrow::default_memory_pool());
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  auto table = (*reader)->ReadTable();
  EXPECT_TRUE(table.ok()) << table.status().ToString();
  return *table;
}

// A value as Arrow prints it: "null", "0.5", "[0.5, 2]".
std::string cell(const arrow::Table& table, const std::string& column, std::int64_t row) {
  const auto found = table.GetColumnByName(column);
  if (!found) return "no column " + column;
  return (*found->GetScalar(row))->ToString();
}

RunView two_trials() {
  RunBuilder builder;
  builder.add({"lora", 4, {0.5, 0.75}});
  builder.row(0).curve = {{"train", "loss", 10, 0.7}};
  builder.end(1, TrialState::kFailed, "killed, \"out of memory\"");
  return builder.run;
}

std::string file_of(const RunView& run, const std::filesystem::path& folder, ExportWhat what) {
  const auto columns = export_columns(run, folder, what);
  EXPECT_TRUE(columns.ok()) << columns.error().message;
  const auto bytes = to_parquet(*columns, PLATEAU_PARQUET_MODULE);
  EXPECT_TRUE(bytes.ok()) << bytes.error().message;
  EXPECT_EQ(*bytes, *to_parquet(*columns, PLATEAU_PARQUET_MODULE));
  return *bytes;
}

TEST(ParquetFile, trials_have_types_and_missing_values) {
  const auto table = read_back(file_of(two_trials(), {}, ExportWhat::kTrials));
  ASSERT_EQ(table->num_rows(), 4);
  EXPECT_TRUE(table->schema()->GetFieldByName("rank")->type()->Equals(arrow::int64()));
  EXPECT_TRUE(table->schema()->GetFieldByName("value")->type()->Equals(arrow::float64()));
  EXPECT_TRUE(table->schema()->GetFieldByName("baseline")->type()->Equals(arrow::boolean()));
  EXPECT_EQ(cell(*table, "value", 2), "0.5");
  EXPECT_EQ(cell(*table, "rank", 2), "4");
  EXPECT_EQ(cell(*table, "rslora", 2), "null");
  EXPECT_EQ(cell(*table, "reason", 2), "null");
  EXPECT_EQ(cell(*table, "value", 3), "null");
  EXPECT_EQ(cell(*table, "reason", 3), "killed, \"out of memory\"");
}

TEST(ParquetFile, metrics_are_the_curve) {
  const auto table = read_back(file_of(two_trials(), {}, ExportWhat::kMetrics));
  ASSERT_EQ(table->num_rows(), 1);
  EXPECT_EQ(cell(*table, "step", 0), "10");
  EXPECT_EQ(cell(*table, "value", 0), "0.7");
}

TEST(ParquetFile, predictions_keep_their_scores_and_one_schema) {
  const RunView run = two_trials();
  const auto folder =
      std::filesystem::temp_directory_path() / ("plateau-parquet-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / run.trials[0].folder);
  const auto none = read_back(file_of(run, folder, ExportWhat::kPredictions));
  EXPECT_EQ(none->num_rows(), 0);
  ASSERT_TRUE(write_file_atomically(
      folder / run.trials[0].folder / "predictions.jsonl",
      "{\"id\":\"t1\",\"label\":\"neutral\",\"prediction\":\"neutral\",\"scores\":[0.5,2]}\n"
      "{\"id\":\"t2\",\"label\":2.5,\"prediction\":2.25,\"scores\":[2.25]}\n"));
  const auto table = read_back(file_of(run, folder, ExportWhat::kPredictions));
  ASSERT_EQ(table->num_rows(), 2);
  EXPECT_TRUE(table->schema()->Equals(none->schema()));
  EXPECT_EQ(cell(*table, "prediction", 0), "neutral");
  EXPECT_EQ(cell(*table, "prediction", 1), "2.25");
  EXPECT_THAT(cell(*table, "scores", 0), ::testing::HasSubstr("0.5"));
  std::filesystem::remove_all(folder);
}

TEST(ParquetFile, cells_of_a_table) {
  const auto columns = cells_columns({{"main", summarise(quickstart_run())}});
  ASSERT_TRUE(columns);
  const auto table = read_back(*to_parquet(*columns, PLATEAU_PARQUET_MODULE));
  EXPECT_EQ(table->num_rows(), 11);
  EXPECT_EQ(cell(*table, "table", 0), "main");
  EXPECT_EQ(cell(*table, "adapter", 2), "lora");
  EXPECT_EQ(cell(*table, "mean", 2), "0.875");
  EXPECT_EQ(cell(*table, "rank", 0), "null");
  EXPECT_EQ(cell(*table, "selected", 0), "true");
}

}  // namespace
}  // namespace plateau::results
