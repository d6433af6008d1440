#include "coordinator/store/device_time.h"

#include <gtest/gtest.h>

#include "tests/coordinator/store/trials.h"

namespace plateau {
namespace {

constexpr TrialId kOne{1}, kTwo{2}, kThree{3};

TEST(DeviceTime, trials_side_by_side_share_what_their_pack_took) {
  // One alone for 100 ms, two for 200 ms, the other alone for 100 ms.
  const auto shares = share_device_time({{kOne, "a", 0, 1000, 1300}, {kTwo, "a", 0, 1100, 1400}});
  EXPECT_DOUBLE_EQ(shares.at(kOne), 200);
  EXPECT_DOUBLE_EQ(shares.at(kTwo), 200);
}

TEST(DeviceTime, other_slots_and_other_nodes_are_other_devices) {
  const auto shares = share_device_time(
      {{kOne, "a", 0, 1000, 1300}, {kTwo, "a", 1, 1000, 1300}, {kThree, "b", 0, 1000, 1300}});
  for (const TrialId trial : {kOne, kTwo, kThree})
    EXPECT_DOUBLE_EQ(shares.at(trial), 300);
}

TEST(DeviceTime, attempts_add_up_and_a_pause_between_them_is_nobodys) {
  const auto shares = share_device_time({{kOne, "a", 0, 1000, 1100},
                                         {kOne, "a", 0, 5000, 5050},
                                         {kTwo, "a", 0, 9000, 9010},
                                         {kThree, "a", 0, 9500, 9400}});
  EXPECT_DOUBLE_EQ(shares.at(kOne), 150);
  EXPECT_DOUBLE_EQ(shares.at(kTwo), 10);
  EXPECT_EQ(shares.count(kThree), 0u);  // The clock was set back.
}

TEST(DeviceTime, is_read_of_the_attempts_that_have_ended) {
  const TemporaryFolder folder;
  auto store = open_store(folder.path(), {"run", "0.1.0"});
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE((*store)->put_sweep({"", "null"}, {new_trial(4, 0), new_trial(4, 1)}, 1));
  const std::vector<Record> all = a_finished_trial(1);
  constexpr TimeMs kThen = 1'700'000'000'000;
  ASSERT_TRUE((*store)->commit({all.begin(), all.begin() + 4}, kThen));
  ASSERT_TRUE(read_device_time(folder.path()));
  EXPECT_TRUE(read_device_time(folder.path())->empty());
  ASSERT_TRUE((*store)->commit({all.begin() + 4, all.end()}, kThen + 500));
  const auto shares = read_device_time(folder.path());
  ASSERT_TRUE(shares) << shares.error().message;
  EXPECT_EQ(*shares, (std::map<TrialId, double>{{kOne, 500.0}}));
}

}  // namespace
}  // namespace plateau
