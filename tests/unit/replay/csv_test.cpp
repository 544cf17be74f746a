#include "csv.hpp"

#include <gmock/gmock.h>

namespace instainfer::replay {
namespace {

using testing::HasSubstr;

TEST(Csv, SplitsHeaderAndRows) {
  const auto table = parse_csv("a,b\n1,2\r\n\n3,\n", "t.csv");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->header, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(table->rows.size(), 2U);
  EXPECT_EQ(table->rows[0], (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(table->rows[1], (std::vector<std::string>{"3", ""}));
}

TEST(Csv, RefusesARowOfAnotherLengthAndNamesTheLine) {
  const auto table = parse_csv("a,b\n1,2\n3\n", "t.csv");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().message, "t.csv line 3: 1 fields where the header has 2");
}

TEST(Csv, RefusesAnEmptyFile) {
  const auto table = parse_csv("", "t.csv");
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().message, HasSubstr("t.csv must begin with a header line"));
}

TEST(Csv, NamesTheColumnsThatAreThereWhenOneIsMissing) {
  const auto table = parse_csv("a,b\n", "t.csv");
  const auto column = table->column("minute");
  ASSERT_FALSE(column);
  EXPECT_EQ(column.error().message, "t.csv has no column \"minute\"; its columns are a, b");
}

TEST(Csv, TakesOnlyWholeNumbersAsCounts) {
  EXPECT_EQ(parse_count("12"), 12);
  for (const auto* wrong : {"", "-1", "1.5", "1x", " 1", "99999999999999999999"})
    EXPECT_EQ(parse_count(wrong), std::nullopt) << wrong;
}

TEST(Csv, TakesOnlyFiniteNumbers) {
  EXPECT_EQ(parse_number("1.5"), 1.5);
  for (const auto* wrong : {"", "nan", "inf", "1,5", "1s"}) EXPECT_EQ(parse_number(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace instainfer::replay
