#include "instainfer/base/encoding.hpp"

#include <gtest/gtest.h>

#include <random>

namespace instainfer {
namespace {

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Base64, SurvivesTheRoundTripWithAnyBytes) {
  std::mt19937 random(7);
  for (std::size_t length = 0; length < 300; ++length) {
    std::string bytes(length, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    ASSERT_EQ(base64_decode(base64_encode(bytes)), bytes) << length;
  }
}

TEST(Base64, RefusesWhatIsNotWellFormed) {
  for (const char* text :
       {"Z", "Zg", "Zg=", "Z===", "====", "=Zg=", "Zm9v\n", " Zm9v", "Zm-v", "Zm_v", "Zg==Zg==", "Zm9v!"}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(Base64, LooksLikeItAsOpenWhiskJudges) {
  for (const char* text : {"abcd", " Zm8= \n", "UEsDBA=="}) EXPECT_TRUE(looks_like_base64(text)) << text;
  for (const char* text : {"", "  ", "abc", "ab cd123", "def main(args): return args", "Zm=8"}) {
    EXPECT_FALSE(looks_like_base64(text)) << text;
  }
}

TEST(Sha256, MatchesTheKnownDigests) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(RandomHex, HasTwoLowerCaseDigitsPerByteAndDiffersEachTime) {
  const std::string first = random_hex(16);
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(first.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(first, random_hex(16));
  EXPECT_EQ(random_hex(0), "");
}

TEST(Utf8, LeavesWellFormedTextAlone) {
  for (const char* text :
       {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(to_valid_utf8(text), text);
  }
}

TEST(Utf8, ReplacesEachByteThatIsPartOfNoCharacter) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(to_valid_utf8("a\xFF"
                          "b"),
            "a" + mark + "b");
  EXPECT_EQ(to_valid_utf8("\xC3"), mark);                                   // cut off
  EXPECT_EQ(to_valid_utf8("\xC0\xAF"), mark + mark);                        // overlong '/'
  EXPECT_EQ(to_valid_utf8("\xE0\x80\xAF"), mark + mark + mark);             // overlong, three bytes
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), mark + mark + mark);             // a surrogate
  EXPECT_EQ(to_valid_utf8("\xF4\x90\x80\x80"), mark + mark + mark + mark);  // above U+10FFFF
  EXPECT_EQ(to_valid_utf8("\xE2\x82"
                          "a"),
            mark + mark + "a");
}

}  // namespace
}  // namespace instainfer
