// tests/PROMISES.md says what was taken out to see these fail.
#include <gtest/gtest.h>

#include "tests/worker/agent/agent_driver.h"
#include "worker/agent/report_queue.h"

namespace plateau::agent {
namespace {

TEST(AgentReports, progress_is_thinned_to_one_a_second_and_never_kept) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.ack_all();
  std::size_t sent = 0, kept = 0;
  for (int i = 0; i < 50; ++i) {
    for (const Action& action : d.advance_in_touch(100)) {
      const auto* send = std::get_if<SendReport>(&action);
      sent += send != nullptr ? 1 : 0;
      kept += std::holds_alternative<KeepReport>(action) ? 1 : 0;
      EXPECT_TRUE(send == nullptr || send->report.sequence == 0);
    }
    d.apply(TrialProgress{ref(1), i, 100, 0.5, 10.0});
    sent += d.count<SendReport>();
  }
  EXPECT_GE(sent, 4u);
  EXPECT_LE(sent, 6u);
  EXPECT_EQ(kept, 0u);
}

TEST(AgentReports, while_cut_off_they_are_numbered_kept_and_then_sent_in_order) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.ack_all();
  d.advance(2000);
  ASSERT_FALSE(d.agent().connected());
  d.apply(TrialMetric{ref(1), 1, "train", "loss", 0.5});
  EXPECT_EQ(d.count<KeepReport>(), 1u);
  EXPECT_EQ(d.count<SendReport>(), 0u);
  d.apply(TrialMetric{ref(1), 2, "train", "loss", 0.4});
  d.connect(1);
  const auto sent = d.of<SendReport>();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].report.sequence, 2u);
  EXPECT_EQ(sent[1].report.sequence, 3u);
}

TEST(AgentReports, welcome_says_what_was_committed_while_the_answer_was_lost) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  d.apply(TrialFailed{ref(1), FailureKind::kDiverged, "nan"});
  d.advance(2000);
  EXPECT_EQ(d.of<SendHello>()[0].held.size(), 1u) << "ended, but not acknowledged";
  EXPECT_EQ(d.of<SendHello>()[0].first_sequence, 1u);
  d.connect(2);
  EXPECT_EQ(d.count<SendReport>(), 0u);
  EXPECT_TRUE(d.agent().held().empty());
}

TEST(AgentReports, a_flood_fills_a_window_and_is_thinned_but_results_are_not) {
  AgentDriver d;
  d.connect();
  d.run_trial(ref(1));
  for (int i = 0; i < 20'000; ++i)
    d.apply(TrialMetric{ref(1), i, i % 10 == 0 ? "validation" : "train", "loss", 1.0});
  d.apply(TrialFinished{ref(1), "{}", {}});
  EXPECT_EQ(d.count<SendReport>(), 0u) << "the window is full";
  // A coordinator that acknowledges all there is, again and again.
  std::uint64_t acked = 0;
  std::size_t metrics = 0, validation = 0, finished = 0;
  for (int round = 0; round < 100 && finished == 0; ++round) {
    acked += kReportWindow;
    d.receive(Ack{acked});
    for (const MetricReport& metric : d.reports<MetricReport>()) {
      ++metrics;
      validation += metric.split == "validation" ? 1 : 0;
    }
    finished += d.reports<FinishedReport>().size();
  }
  EXPECT_EQ(finished, 1u);
  EXPECT_LE(metrics, kMaxWaitingMetrics);
  EXPECT_GE(validation, 1500u) << "the train split is thinned first";
}

TEST(AgentReports, the_window_bounds_what_is_under_way) {
  ReportQueue queue(1);
  for (int i = 0; i < 1000; ++i)
    queue.add(ref(1), MetricReport{i, "train", "loss", 0.0});
  EXPECT_EQ(queue.take_new().size(), kReportWindow);
  EXPECT_TRUE(queue.take_new().empty());
  queue.acknowledge(10);
  const auto more = queue.take_new();
  ASSERT_EQ(more.size(), 10u);
  EXPECT_EQ(more.front().sequence, kReportWindow + 1) << "without a gap";
}

TEST(AgentReports, a_restored_session_goes_on_with_its_results_and_hands_the_rest_back) {
  Restored restored;
  restored.first_sequence = 7;
  restored.under_way = {{7, ref(1), StartedReport{{0}, 0, 100}},
                        {8, ref(2), FailedReport{FailureKind::kDiverged, "nan", {}}},
                        {9, ref(4), StartedReport{{0}, 0, 100}}};
  restored.results = {{ref(1), {"{}", {file("a", 10)}}}};
  AgentDriver d({}, restored);
  d.advance(0);
  EXPECT_EQ(d.of<SendHello>()[0].first_sequence, 7u);
  EXPECT_EQ(d.of<SendHello>()[0].held, (std::vector<AttemptRef>{ref(1), ref(2), ref(4)}));
  d.connect(6);
  EXPECT_EQ(d.reports<FailedReport>().size(), 1u);
  EXPECT_EQ(d.reports<HandedBackReport>().size(), 1u) << "trial 4's trainer is gone";
  ASSERT_EQ(d.count<SendChunk>(), 1u);
  d.receive(ChunkAck{ref(1), "a", 10, 0, true});
  ASSERT_EQ(d.reports<FinishedReport>().size(), 1u);
  EXPECT_EQ(d.of<SendReport>()[0].report.sequence, 11u);
}

}  // namespace
}  // namespace plateau::agent
