#include "common/spec/methods.h"

#include <gtest/gtest.h>

namespace plateau {
namespace {

using Json = nlohmann::json;

Json resolve(const std::string& method, const Json& given) {
  Result<Json> resolved = resolve_method_parameters(*find_method(method), given);
  return resolved ? *resolved : Json(resolved.error().message);
}

TEST(Methods, defaults_are_filled_and_alpha_follows_rank) {
  EXPECT_EQ(resolve("lora", {{"rank", 4}}), Json({{"rank", 4},
                                                  {"alpha", 8.0},
                                                  {"dropout", 0.0},
                                                  {"target_modules", "all-linear"},
                                                  {"rslora", false}}));
}

TEST(Methods, one_meaning_has_one_spelling) {
  EXPECT_EQ(resolve("lora", {{"rank", 4}, {"alpha", 16}}).dump(),
            resolve("lora", {{"rank", 4}, {"alpha", 16.0}}).dump());
  EXPECT_EQ(resolve("lora", {{"rank", 4}, {"target_modules", {"value", "query", "value"}}}),
            resolve("lora", {{"rank", 4}, {"target_modules", {"query", "value"}}}));
  EXPECT_EQ(resolve("lora", {{"rank", 4}, {"target_modules", "query"}}),
            resolve("lora", {{"rank", 4}, {"target_modules", Json::array({"query"})}}));
  EXPECT_EQ(resolve("loreft", {{"rank", 4}, {"layers", {3, 1, 1}}})["layers"], Json({1, 3}));
}

TEST(Methods, wrong_values_name_what_is_allowed) {
  EXPECT_EQ(resolve("lora", {{"rank", 0}}),
            "lora.rank is 0; allowed is a whole number from 1 to 65536 (rank of the update)");
  EXPECT_EQ(resolve("lora", {{"rank", 2}, {"alpha", 0}}).get<std::string>().substr(0, 30),
            "lora.alpha is 0; allowed is a ");
  EXPECT_EQ(resolve("lora", Json::object()), "lora needs 'rank' (rank of the update)");
  EXPECT_EQ(resolve("loreft", {{"rnk", 2}}),
            "loreft has no parameter 'rnk'; did you mean 'rank'? It has: rank, dropout, positions, "
            "layers, share_weights, pad_first.");
}

TEST(Methods, positions_are_first_and_last_tokens) {
  const Positions both = parse_positions("f3+l12").value();
  EXPECT_EQ(both.first, 3);
  EXPECT_EQ(both.last, 12);
  EXPECT_EQ(parse_positions("l2").value().first, 0);
  for (const char* wrong : {"", "f0", "f1+f2", "x3", "f1+", "f", "f-1", "f1,l1", "f99999999"}) {
    EXPECT_FALSE(parse_positions(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace plateau
