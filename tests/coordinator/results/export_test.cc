#include "coordinator/results/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "coordinator/results/trace.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

RunBuilder two_trials() {
  RunBuilder builder;
  builder.add({"lora", 4, {0.5, 0.75}});
  builder.row(0).attempts = 3;
  builder.end(1, TrialState::kFailed, "killed, \"out of memory\"");
  builder.row(0).curve = {{"train", "loss", 10, 0.7}, {"validation", "accuracy", 100, 0.4}};
  return builder;
}

TEST(Trace, every_number_names_its_trial_and_attempt) {
  const RunBuilder builder = two_trials();
  const TrialRow& first = builder.run.trials[0];
  EXPECT_THAT(markdown(trace_table(builder.run)),
              HasSubstr("| LoRA | 4 | 3e-3 | 0 | 0.500000 | 1 | 3 | "));
  EXPECT_THAT(markdown(trace_table(builder.run)),
              HasSubstr("| LoRA | 4 | 3e-3 | 1 | failed | 2 | 1 | "));
  EXPECT_THAT(trace_csv(builder.run),
              HasSubstr("minilm-l6,tweets,lora,4,0.003,0,accuracy,test,0.5,finished,1,3," +
                        first.key + "," + first.cell + ",yes," + first.folder + ",\r\n"));
  const auto json = nlohmann::json::parse(trace_json(builder.run));
  EXPECT_EQ(json["trials"][0]["attempts"], 3);
  EXPECT_EQ(json["trials"][1]["reason"], "killed, \"out of memory\"");
}

TEST(Export, one_row_a_trial_metric_and_split) {
  const RunBuilder builder = two_trials();
  const auto csv = export_text(builder.run, {}, ExportWhat::kTrials, ExportFormat::kCsv);
  ASSERT_TRUE(csv);
  const auto lines = split(*csv, '\n');
  ASSERT_EQ(lines.size(), 6u);  // header, three metrics, the failed trial, and the end
  EXPECT_THAT(lines[0], StartsWith("run,trial,key,cell,base,task,adapter,baseline,rank,alpha,"));
  EXPECT_THAT(lines[3], HasSubstr(",test,accuracy,200,0.5,"));
  EXPECT_THAT(lines[4], HasSubstr(",failed,1,"));
  EXPECT_THAT(lines[4], HasSubstr("\"killed, \"\"out of memory\"\"\""));

  const auto jsonl = export_text(builder.run, {}, ExportWhat::kTrials, ExportFormat::kJsonl);
  const auto row = nlohmann::json::parse(split(*jsonl, '\n')[2]);
  EXPECT_EQ(row["split"], "test");
  EXPECT_EQ(row["metric"], "accuracy");
  EXPECT_EQ(row["value"], 0.5);
  EXPECT_EQ(row["rank"], 4);
}

TEST(Export, metrics_are_the_whole_curve) {
  const auto csv = export_text(two_trials().run, {}, ExportWhat::kMetrics, ExportFormat::kCsv);
  ASSERT_TRUE(csv);
  EXPECT_THAT(*csv, HasSubstr(",tweets,lora,4,0,train,loss,10,0.7\r\n"));
  EXPECT_THAT(*csv, HasSubstr(",tweets,lora,4,0,validation,accuracy,100,0.4\r\n"));
}

TEST(Export, predictions_come_from_the_run_folder_and_damage_is_named) {
  const RunBuilder builder = two_trials();
  const auto folder =
      std::filesystem::temp_directory_path() / ("plateau-export-" + std::to_string(::getpid()));
  const auto trial = folder / builder.run.trials[0].folder;
  std::filesystem::create_directories(trial);
  const auto none = export_text(builder.run, folder, ExportWhat::kPredictions, ExportFormat::kCsv);
  ASSERT_TRUE(none);
  EXPECT_EQ(split(*none, '\n').size(), 2u);  // the header alone

  ASSERT_TRUE(write_file_atomically(
      trial / "predictions.jsonl",
      "{\"id\":\"t1\",\"label\":\"neutral\",\"prediction\":\"neutral\",\"scores\":[0.5,2]}\n"));
  const auto csv = export_text(builder.run, folder, ExportWhat::kPredictions, ExportFormat::kCsv);
  ASSERT_TRUE(csv);
  EXPECT_THAT(*csv, HasSubstr(",tweets,lora,4,0,t1,neutral,neutral,\"[0.5,2]\"\r\n"));

  ASSERT_TRUE(write_file_atomically(trial / "predictions.jsonl", "{\"id\":1}\nnonsense\n"));
  const auto bad = export_text(builder.run, folder, ExportWhat::kPredictions, ExportFormat::kJsonl);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(bad.error().message, HasSubstr("predictions.jsonl:2"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace plateau::results
