#include <gtest/gtest.h>

#include "instainfer/openwhisk/entities.hpp"

namespace instainfer::openwhisk {
namespace {

TEST(EntityName, JoinsNamespacePackageAndName) {
  EXPECT_EQ((EntityName{"guest", "", "hello"}.qualified()), "guest/hello");
  EXPECT_EQ((EntityName{"guest", "demo", "hello"}.qualified()), "guest/demo/hello");
  EXPECT_EQ((EntityName{"guest", "demo", "hello"}.path()), "guest/demo");
}

TEST(EntityName, AcceptsWhatOpenWhisksGrammarAccepts) {
  for (const std::string name : {"a", "_", "9", "a b", "a&b", "x.", "a@b", "a-", "A_z.9"}) {
    EXPECT_TRUE(is_valid_entity_name(name)) << name;
  }
  EXPECT_TRUE(is_valid_entity_name(std::string(256, 'a')));
}

TEST(EntityName, RefusesWhatOpenWhisksGrammarRefuses) {
  for (const std::string name :
       {"", " ", "a ", " a", "-a", ".x", "@a", "a*b", "a/b", "..", "\xC3\xA9", "a\n", "a\tb"}) {
    EXPECT_FALSE(is_valid_entity_name(name)) << name;
  }
  EXPECT_FALSE(is_valid_entity_name(std::string(257, 'a')));
  EXPECT_FALSE(is_valid_entity_name(std::string("a\0b", 3)));
}

TEST(SemVer, CountsUpThePatchAndPrintsAllThreeParts) {
  EXPECT_EQ(to_string(SemVer{}), "0.0.1");
  EXPECT_EQ(to_string(SemVer{1, 2, 9}.next_patch()), "1.2.10");
}

TEST(SemVer, ReadsMissingPartsAsZero) {
  EXPECT_EQ(parse_semver("1.2.3"), (SemVer{1, 2, 3}));
  EXPECT_EQ(parse_semver("1.2"), (SemVer{1, 2, 0}));
  EXPECT_EQ(parse_semver("7"), (SemVer{7, 0, 0}));
}

TEST(SemVer, RefusesWhatIsNoVersion) {
  for (const std::string text :
       {"", ".", "0.0.0", "0", "1.", "1..2", "1.2.3.4", "1.2.", "-1.0.0", "1.2.x", "v1", " 1.0.0", "99999999999.0.0"}) {
    const auto version = parse_semver(text);
    ASSERT_FALSE(version) << text;
    EXPECT_EQ(version.error().message,
              "'" + text + "' is no version; write MAJOR.MINOR.PATCH in whole numbers, at least 0.0.1");
  }
}

}  // namespace
}  // namespace instainfer::openwhisk
