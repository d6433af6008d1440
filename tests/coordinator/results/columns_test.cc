#include "coordinator/results/columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/results/cells.h"
#include "coordinator/results/parquet/parquet.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

TEST(Columns, missing_and_null_are_no_values) {
  Columns columns = empty_columns({{"name"}, {"rank", ColumnType::kInteger}});
  ASSERT_TRUE(append({{"name", "a"}, {"rank", 4}, {"other", true}}, columns));
  ASSERT_TRUE(append({{"rank", nullptr}}, columns));
  EXPECT_EQ(columns.rows, 2u);
  EXPECT_THAT(columns.columns[0].is_there, ElementsAre(true, false));
  EXPECT_THAT(columns.columns[1].is_there, ElementsAre(true, false));
  EXPECT_THAT(std::get<std::vector<std::int64_t>>(columns.columns[1].values), ElementsAre(4, 0));
}

TEST(Columns, whole_numbers_are_reals_and_anything_is_text) {
  Columns columns = empty_columns({{"label"}, {"value", ColumnType::kReal}});
  ASSERT_TRUE(append({{"label", 2.5}, {"value", 3}}, columns));
  ASSERT_TRUE(append({{"label", "a\xff"}, {"value", 0.5}}, columns));
  EXPECT_THAT(std::get<std::vector<std::string>>(columns.columns[0].values),
              ElementsAre("2.5", "a\xEF\xBF\xBD"));
  EXPECT_THAT(std::get<std::vector<double>>(columns.columns[1].values), ElementsAre(3.0, 0.5));
}

TEST(Columns, a_value_of_another_type_is_refused_by_name) {
  for (const auto& [type, value] :
       std::vector<std::pair<ColumnType, Json>>{{ColumnType::kInteger, 0.5},
                                                {ColumnType::kReal, "1"},
                                                {ColumnType::kFlag, 1},
                                                {ColumnType::kNumbers, {1.0, "x"}}}) {
    Columns columns = empty_columns({{"this", type}});
    const Status status = append({{"this", value}}, columns);
    ASSERT_FALSE(status) << value;
    EXPECT_THAT(status.error().message, HasSubstr("'this'"));
  }
}

TEST(Columns, cells_of_several_tables_name_their_table) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.5, 0.75}});
  builder.end(1, TrialState::kFailed, "x");
  const auto columns =
      cells_columns({{"main", summarise(builder.run)}, {"loss", summarise(builder.run, {"loss"})}});
  ASSERT_TRUE(columns) << columns.error().message;
  EXPECT_EQ(columns->rows, 2u);
  EXPECT_EQ(columns->columns[0].name, "table");
  EXPECT_THAT(std::get<std::vector<std::string>>(columns->columns[0].values),
              ElementsAre("main", "loss"));
  for (const TypedColumn& column : columns->columns) {
    if (column.name == "mean") {
      EXPECT_THAT(std::get<std::vector<double>>(column.values), ElementsAre(0.5, 0.5));
    }
    if (column.name == "failed") {
      EXPECT_THAT(std::get<std::vector<std::int64_t>>(column.values), ElementsAre(1, 1));
    }
    EXPECT_EQ(column.is_there.size(), 2u) << column.name;
  }
}

TEST(Columns, settings_of_every_table_have_a_column) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.5}});
  builder.add({"lora", 4, {0.75}});
  change(builder.row(1), [&](Trial& trial) { trial.optimizer.epochs = 5; });
  builder.refresh_keys();
  RunBuilder without;
  without.add({"lora", 4, {0.25}});
  const auto columns =
      cells_columns({{"without", summarise(without.run)}, {"with", summarise(builder.run)}});
  ASSERT_TRUE(columns) << columns.error().message;
  const TypedColumn& epochs = columns->columns.back();
  EXPECT_EQ(epochs.name, "optimizer.epochs");
  EXPECT_THAT(epochs.is_there, ElementsAre(false, true, true));
  EXPECT_THAT(std::get<std::vector<std::string>>(epochs.values), ElementsAre("", "2", "5"));
}

TEST(Parquet, a_component_that_is_not_there_is_said_with_the_way_to_get_it) {
  const auto bytes = to_parquet({}, "/nowhere/plateau-parquet.so");
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(bytes.error().message, HasSubstr("./plateau build --with-parquet"));
  EXPECT_THAT(bytes.error().message, HasSubstr("--format csv"));
}

TEST(Parquet, a_component_of_another_layout_is_refused_and_not_called) {
  const auto bytes = to_parquet({}, PARQUET_OF_ANOTHER_LAYOUT);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, ErrorKind::kVersion);
  EXPECT_THAT(bytes.error().message, HasSubstr("--with-parquet"));
}

TEST(Parquet, what_is_no_component_is_refused) {
  const auto bytes = to_parquet({}, "/proc/self/exe");
  ASSERT_FALSE(bytes);
  EXPECT_THAT(bytes.error().message, HasSubstr("--with-parquet"));
}

}  // namespace
}  // namespace plateau::results
