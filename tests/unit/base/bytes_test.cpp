#include "instainfer/base/bytes.hpp"

#include <gtest/gtest.h>

namespace instainfer {
namespace {

using namespace literals;

TEST(Bytes, AreWrittenForHumans) {
  EXPECT_EQ(to_string(0_B), "0 B");
  EXPECT_EQ(to_string(17_B), "17 B");
  EXPECT_EQ(to_string(1023_B), "1023 B");
  EXPECT_EQ(to_string(512_MiB), "512 MiB");
  EXPECT_EQ(to_string(1536_MiB), "1.5 GiB");
  EXPECT_EQ(to_string(-(2_GiB)), "-2 GiB");
}

TEST(Bytes, AreReadInEveryUnitOfOpenWhisksGrammar) {
  EXPECT_EQ(parse_bytes("100 B"), 100_B);
  EXPECT_EQ(parse_bytes("512 KB"), 512_KiB);
  EXPECT_EQ(parse_bytes("256 MB"), 256_MiB);
  EXPECT_EQ(parse_bytes("256MB"), 256_MiB);
  EXPECT_EQ(parse_bytes("256m"), 256_MiB);
  EXPECT_EQ(parse_bytes("1 gb"), 1_GiB);
  EXPECT_EQ(parse_bytes("3 K "), 3_KiB);
  EXPECT_EQ(parse_bytes("0 B"), 0_B);
}

TEST(Bytes, RefuseWhatIsNoSize) {
  for (const char* text : {"", "MB", "12", "-1 MB", "1.5 GB", "1 TB", "1 MiB", "1 BB", "1 M B", "0x10 B", "one MB",
                           "99999999999999999999 B", "9000000000 GB"}) {
    const auto size = parse_bytes(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().message,
              "'" + std::string(text) + "' is no size; write a whole number and a unit, like '256 MB'");
  }
}

}  // namespace
}  // namespace instainfer
