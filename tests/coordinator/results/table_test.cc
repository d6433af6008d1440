#include "coordinator/results/table.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/results/cells.h"
#include "coordinator/results/escape.h"
#include "coordinator/results/notes.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Means 50, 85 (deviation 7.07), 88 of one seed of two, 85 (1.41): the tie is between the two 85.0,
// the 88 is incomplete and takes no part.
RunBuilder small_run() {
  RunBuilder builder;
  builder.run.name = "small";
  builder.add({"majority", 0, {0.5}});
  builder.add({"lora", 1, {0.80, 0.90}});
  builder.add({"lora", 4, {0.88, 0.99}, "tweets", 0.003, 4000});
  builder.add({"dora", 1, {0.84, 0.86}, "tweets", 0.003, 1384});
  builder.end(4, TrialState::kDiverged, "the loss is nan at step 17");
  return builder;
}

std::string head_of(const std::string& text, std::size_t lines) {
  std::istringstream in(text);
  std::string head;
  std::string line;
  for (std::size_t i = 0; i < lines && std::getline(in, line); ++i)
    head += line + "\n";
  return head;
}

TEST(Table, markdown_bytes) {
  const std::string text = markdown(build_table(summarise(small_run().run)));
  EXPECT_EQ(
      head_of(text, 7),
      "| Adapter | Rank | Scaling | Learning rate | Params | % of base | tweets: accuracy (%) ↑ "
      "| Seeds |\n"
      "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n"
      "| Majority class | – | – | – | 0 | 0 | <u>50.0</u> | 1 |\n"
      "| LoRA | 1 | α/r, α = 2r | 3e-3 | 1,000 | 0.004 | **85.0** ± 7.1 | 2 |\n"
      "| LoRA | 4 | α/r, α = 2r | 3e-3 | 4,000 | 0.018 | 88.0 (1/2, 1 diverged) | 1/2 |\n"
      "| DoRA | 1 | α/r, α = 2 | 3e-3 | 1,384 | 0.006 | **85.0** ± 1.4 | 2 |\n"
      "\n");
  EXPECT_THAT(text, HasSubstr("LoRA r=4 seed 1 diverged (the loss is nan at step 17)."));
}

// A search stops trials early: no table may show the rest of their cell as if it were whole.
TEST(Table, a_trial_that_was_stopped_early_is_marked_in_every_form) {
  RunBuilder builder = small_run();
  builder.end(4, TrialState::kStopped, "number 3 of 3 at the first rung");
  const Summary summary = summarise(builder.run);
  const Table table = build_table(summary);
  for (const std::string& text : {markdown(table), latex(table), terminal(table, 120)}) {
    EXPECT_THAT(text, HasSubstr("1/2, 1 stopped"));
    EXPECT_THAT(text, HasSubstr("number 3 of 3 at the first rung"));
  }
  EXPECT_THAT(cells_csv(summary), HasSubstr(",2,1,0,0,1,0,0,"));  // of two seeds one, stopped
  EXPECT_THAT(cells_json(summary), HasSubstr("stopped"));
}

TEST(Table, terminal_bytes) {
  const std::string text = terminal(build_table(summarise(small_run().run)), 100);
  EXPECT_EQ(
      head_of(text, 9),
      "                                   Learning           % of\n"
      "Adapter         Rank  Scaling          rate  Params   base  tweets: accuracy (%) ↑  Seeds\n"
      "-----------------------------------------------------------------------------------------\n"
      "Majority class     –  –                   –       0      0                  50.0 +      1\n"
      "-----------------------------------------------------------------------------------------\n"
      "LoRA               1  α/r, α = 2r      3e-3   1,000  0.004            85.0 ± 7.1 *      2\n"
      "LoRA               4  α/r, α = 2r      3e-3   4,000  0.018  88.0 (1/2, 1 diverged)    1/2\n"
      "-----------------------------------------------------------------------------------------\n"
      "DoRA               1  α/r, α = 2       3e-3   1,384  0.006            85.0 ± 1.4 *      "
      "2\n");
}

TEST(Table, latex_body_bytes) {
  const std::string text = latex(build_table(summarise(small_run().run)));
  EXPECT_THAT(text, HasSubstr("\\def\\plateaucolumns{@{}lrlrrrS[table-format=2.1]@{\\,}lr@{}}"));
  EXPECT_THAT(text,
              HasSubstr("\\toprule\n"
                        "Adapter & Rank & Scaling & Learning rate & Params & \\% of base & "
                        "\\multicolumn{2}{c}{\\shortstack{tweets\\\\accuracy (\\%) $\\uparrow$}} & "
                        "Seeds \\\\\n"
                        "\\midrule\n"
                        "Majority class & -- & -- & -- & 0 & 0 & {\\underline{50.0}} &  & 1 \\\\\n"
                        "\\midrule\n"
                        "LoRA & 1 & $\\alpha$/r, $\\alpha$ = 2r & 3e-3 & 1,000 & 0.004 & "
                        "\\bfseries 85.0 & $\\pm$\\,7.1 & 2 \\\\\n"
                        "LoRA & 4 & $\\alpha$/r, $\\alpha$ = 2r & 3e-3 & 4,000 & 0.018 & "
                        "88.0 & (1/2, 1 diverged) & 1/2 \\\\\n"));
}

TEST(Table, csv_bytes) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.5, 0.75}, "say \"hi\", you"});
  const std::string key = builder.row(0).cell;
  EXPECT_EQ(
      cells_csv(summarise(builder.run)),
      "base,task,adapter,baseline,rank,alpha,scale,learning_rate,head_learning_rate,scaling,"
      "protocol,metric,mean,standard_deviation,seeds_planned,seeds_with_value,diverged,failed,"
      "stopped,running,queued,collapsed,adapter_parameters,percent_of_base,base_parameters,"
      "head_parameters,adapter_bytes,base_bytes,peak_memory_bytes,train_seconds,total_seconds,"
      "split,cell,selected\r\n"
      "minilm-l6,\"say \"\"hi\"\", you\",lora,no,4,8,2,0.003,0.01,\"α/r, α = 8\",\"test metric of "
      "the last checkpoint, float32, 1,600 / 400 / 1,000 rows for training / validation / test "
      "(split seed 0), texts cut at 33 tokens\",accuracy,0.625,"
      "0.1767766952966369,2,2,0,0,0,0,0,0,1000,0.004402723066605803,22713216,1155,4000,"
      "90852864,300000000,12.5,25,test," +
          key + ",yes\r\n");
}

TEST(Table, json_has_every_seed_and_survives_bad_utf8) {
  RunBuilder builder = small_run();
  builder.run.name = "bad\xff";
  const auto json = nlohmann::json::parse(cells_json(summarise(builder.run)));
  EXPECT_EQ(json["format"], "plateau-results/1");
  ASSERT_EQ(json["cells"].size(), 4u);
  const auto& cell = json["cells"][2];
  EXPECT_EQ(cell["rank"], 4);
  EXPECT_EQ(cell["mean"], 0.88);
  EXPECT_TRUE(cell["standard_deviation"].is_null());
  EXPECT_EQ(cell["seeds"][1]["state"], "diverged");
  EXPECT_TRUE(cell["seeds"][1]["value"].is_null());
}

TEST(Table, the_same_input_gives_the_same_bytes) {
  const RunView run = quickstart_run();
  EXPECT_EQ(markdown(build_table(summarise(run))), markdown(build_table(summarise(run))));
  EXPECT_EQ(cells_json(summarise(run)), cells_json(summarise(run)));
}

TEST(Table, a_cell_without_any_value_says_what_became_of_it) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.5, 0.5}});
  builder.end(0, TrialState::kFailed, "x");
  builder.end(1, TrialState::kQueued);
  EXPECT_THAT(markdown(build_table(summarise(builder.run))),
              HasSubstr("1 failed, 1 queued (0/2) | 0/2 |"));
}

TEST(Table, lower_is_better_for_a_loss) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.5}});
  builder.add({"lora", 4, {0.4}});
  for (TrialRow& row : builder.run.trials) {
    change(row, [](Trial& trial) { trial.task.metric = "loss"; });
    row.metrics = {{"test", "loss", 1, row.id.value == 1 ? 0.5 : 0.4}};
  }
  builder.refresh_keys();
  const std::string text = markdown(build_table(summarise(builder.run)));
  EXPECT_THAT(text, HasSubstr("**0.400**"));
  EXPECT_THAT(text, HasSubstr("<u>0.500</u>"));
}

TEST(Table, several_tasks_share_a_row) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.5, 0.5}, "tweets"});
  builder.add({"lora", 1, {0.25, 0.25, 0.25}, "cola"});
  builder.end(4, TrialState::kFailed, "x");
  const std::string text = markdown(build_table(summarise(builder.run)));
  EXPECT_THAT(text, HasSubstr("| tweets: accuracy (%) ↑ | cola: matthews (×100) ↑ |"));
  EXPECT_THAT(text, HasSubstr("| 50.0 ± 0.0 | 25.0 ± 0.0 (2/3, 1 failed) | – | 2–3 |"));
}

TEST(Table, two_bases_are_marked_apart) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.5}});
  builder.add({"lora", 4, {0.6}});
  builder.add({"lora", 1, {0.8}});
  builder.add({"lora", 4, {0.7}});
  for (std::size_t i : {2u, 3u}) {
    change(builder.row(i), [&](Trial& trial) { trial.base.name = "other"; });
    change(builder.row(i), [&](Trial& trial) { trial.base.sha256 = std::string(64, 'c'); });
  }
  builder.refresh_keys();
  const std::string text = markdown(build_table(summarise(builder.run)));
  EXPECT_THAT(
      text,
      HasSubstr("| minilm-l6 | LoRA | 4 | α/r, α = 2r | 3e-3 | 1,000 | 0.004 | **60.0** | 1 |"));
  EXPECT_THAT(
      text, HasSubstr("| other | LoRA | 1 | α/r, α = 2r | 3e-3 | 1,000 | 0.004 | **80.0** | 1 |"));
}

TEST(Table, terminal_lines_fit_whatever_the_names) {
  RunBuilder builder = small_run();
  for (const char* task :
       {"cola", "a-task-with-a-very-long-name-indeed", "third", "fourth", "漢字"})
    builder.add({"lora", 1, {0.8, 0.9}, task});
  change(builder.row(1), [](Trial& trial) { trial.base.name = std::string(150, 'x'); });
  builder.refresh_keys();
  for (int columns : {60, 80, 100, 200}) {
    std::istringstream in(terminal(build_table(summarise(builder.run)), columns));
    std::string line;
    while (std::getline(in, line)) {
      EXPECT_LE(display_width(line), static_cast<std::size_t>(columns)) << line;
    }
  }
}

TEST(Table, names_cannot_inject_markup) {
  RunBuilder builder;
  const std::string evil = "a|b\n| x | <script>alert(1)</script> \\end{tabular} & _ % \x1b[31m";
  builder.add({"lora", 1, {0.5, 0.6}, evil});
  builder.run.name = evil;
  for (std::size_t i : {0u, 1u})
    change(builder.row(i), [&](Trial& trial) { trial.base.name = evil; });
  builder.end(1, TrialState::kFailed, evil);
  builder.refresh_keys();
  const Table table = build_table(summarise(builder.run));
  EXPECT_THAT(markdown(table), Not(HasSubstr("<script")));
  EXPECT_THAT(markdown(table), Not(HasSubstr("\n| x")));
  EXPECT_THAT(latex(table), Not(HasSubstr("\\end{tabular} &")));
  EXPECT_THAT(latex(table), HasSubstr("\\textbackslash{}end\\{tabular\\} \\& \\_ \\%"));
  EXPECT_THAT(terminal(table, 100), Not(HasSubstr("\x1b")));
}

TEST(Notes, few_seeds_and_ranks_show_no_plateau) {
  const Summary few = summarise(quickstart_run());
  ASSERT_EQ(plateau_notes(few).size(), 1u);
  EXPECT_THAT(plateau_notes(few)[0],
              StartsWith("2 seeds and 3 ranks are too few to show a plateau"));
  RunBuilder builder;
  for (std::int64_t rank : {1, 2, 4, 8, 16})
    builder.add({"lora", rank, {0.8, 0.8, 0.8, 0.8, 0.8}});
  EXPECT_TRUE(plateau_notes(summarise(builder.run)).empty());
}

TEST(Notes, one_rate_for_all_ranks_is_warned_of) {
  EXPECT_THAT(learning_rate_notes(summarise(quickstart_run())).at(0),
              HasSubstr("the same at every rank (DoRA, LoRA, LoReFT)"));
  RunBuilder builder;
  builder.add({"lora", 1, {0.8}, "tweets", 0.003});
  builder.add({"lora", 4, {0.8}, "tweets", 0.001});
  EXPECT_TRUE(learning_rate_notes(summarise(builder.run)).empty());
}

TEST(Notes, scaling_conventions_are_told_apart) {
  const auto scaling = [](const std::vector<double>& alphas, bool rslora) {
    RunBuilder builder;
    std::int64_t rank = 1;
    for (double alpha : alphas) {
      const std::size_t at = builder.add({"lora", rank, {0.8}});
      change(builder.row(at), [&](Trial& trial) { trial.adapter.parameters["alpha"] = alpha; });
      change(builder.row(at), [&](Trial& trial) { trial.adapter.parameters["rslora"] = rslora; });
      rank *= 4;
    }
    return scaling_notes(summarise(builder.run)).at(0);
  };
  EXPECT_THAT(scaling({2, 8, 32}, false), HasSubstr("LoRA alpha/r with alpha = 2·r."));
  EXPECT_THAT(scaling({16, 16, 16}, false), HasSubstr("alpha/r with alpha = 16 at every rank"));
  EXPECT_THAT(scaling({16, 16, 16}, true), HasSubstr("alpha/√r with alpha = 16 at every rank"));
  EXPECT_THAT(scaling({2, 5, 9}, false), HasSubstr("alpha chosen per rank"));
  EXPECT_THAT(scaling({2, 8, 32}, false),
              HasSubstr("A plateau seen under one convention may be an artefact of it"));
}

TEST(Notes, two_protocols_in_a_column_are_marked) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.8}});
  builder.add({"lora", 4, {0.8}});
  EXPECT_THAT(protocol_notes(summarise(builder.run)), Not(::testing::Contains(StartsWith("Warn"))));
  change(builder.row(1), [&](Trial& trial) { trial.protocol.checkpoint = "best"; });
  EXPECT_THAT(protocol_notes(summarise(builder.run)),
              ::testing::Contains(StartsWith("Warning: the rows of tweets mix 2 protocols")));
}

}  // namespace
}  // namespace plateau::results
