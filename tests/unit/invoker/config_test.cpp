#include "instainfer/invoker/config.hpp"

#include <gtest/gtest.h>

namespace instainfer::invoker {
namespace {

using namespace std::chrono_literals;
using namespace literals;

std::string error_of(std::string_view toml) {
  const auto config = parse_config(toml, "test.toml");
  return config ? "" : config.error().message;
}

TEST(Config, AnEmptyFileGivesTheDefaults) {
  const auto config = parse_config("", "test.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->api.port, 3233);
  EXPECT_TRUE(config->node.preload.enabled);
  EXPECT_EQ(config->node.user_memory, 2_GiB);
}

TEST(Config, TheCommentedExampleIsExactlyTheDefaults) {
  const auto example = load_config(INSTAINFER_SOURCE_DIR "/configs/instainfer.toml");
  ASSERT_TRUE(example) << example.error().message;
  const auto defaults = parse_config("", "test.toml");
  EXPECT_EQ(example->node.preload.planner, defaults->node.preload.planner);
  EXPECT_EQ(example->node.preload.arrival_model, defaults->node.preload.arrival_model);
  EXPECT_EQ(example->node.preload.arrival.p_load, defaults->node.preload.arrival.p_load);
  EXPECT_EQ(example->node.preload.planning.horizon, defaults->node.preload.planning.horizon);
  EXPECT_EQ(example->node.keep_alive_settings.idle_container, defaults->node.keep_alive_settings.idle_container);
  EXPECT_EQ(example->container.tmp_size, defaults->container.tmp_size);
  EXPECT_EQ(example->limits.max_memory, defaults->limits.max_memory);
  EXPECT_EQ(example->limits.invocations_per_minute, defaults->limits.invocations_per_minute);
  EXPECT_EQ(example->load_limit, defaults->load_limit);
}

TEST(Config, RelativePathsStartAtTheFilesOwnFolder) {
  const auto demo = load_config(INSTAINFER_SOURCE_DIR "/configs/demo.toml");
  ASSERT_TRUE(demo) << demo.error().message;
  EXPECT_EQ(demo->runtimes, INSTAINFER_SOURCE_DIR "/configs/demo-runtimes.json");
}

TEST(Config, AnUnknownKeyIsRefusedWithLineAndTheKnownKeys) {
  const std::string error = error_of("[preload]\nenabled = true\nplaner = \"x\"\n");
  EXPECT_TRUE(error.starts_with("test.toml:3: preload.planer: unknown key; known here: ")) << error;
  EXPECT_NE(error.find("planner"), std::string::npos);
}

TEST(Config, AnUnknownTableIsRefused) {
  EXPECT_NE(error_of("[preloads]\n").find("test.toml:1: preloads: unknown key"), std::string::npos);
}

TEST(Config, AWrongTypeSaysWhatWasExpected) {
  EXPECT_EQ(error_of("[preload]\nenabled = \"yes\"\n"),
            "test.toml:2: preload.enabled: expected true or false, not a string");
  EXPECT_EQ(error_of("[api]\nport = \"3233\"\n"), "test.toml:2: api.port: expected a whole number, not a string");
  EXPECT_EQ(error_of("api = 3\n"), "test.toml:1: api: expected a table, not a whole number");
}

TEST(Config, AnImpossibleSizeOrDurationIsRefused) {
  EXPECT_NE(error_of("[node]\nuser_memory = \"much\"\n").find("'much' is no size"), std::string::npos);
  EXPECT_NE(error_of("[keep_alive]\nidle_container = \"ten\"\n").find("'ten' is no duration"), std::string::npos);
  EXPECT_NE(error_of("[node]\nuser_memory = \"64 MB\"\n").find("nothing could ever run"), std::string::npos);
}

TEST(Config, NumbersOutsideTheirRangeAreRefused) {
  EXPECT_NE(error_of("[api]\nport = 70000\n").find("must be between 0 and 65535"), std::string::npos);
  EXPECT_NE(error_of("[preload.arrival]\np_load = 1.5\n").find("must be between"), std::string::npos);
  EXPECT_NE(error_of("[preload.arrival]\np_load = 0.95\n").find("p_load must be below p_offload"), std::string::npos);
}

TEST(Config, SyntaxErrorsNameTheLine) {
  EXPECT_TRUE(error_of("[node]\nuser_memory = \n").starts_with("test.toml:2")) << error_of("[node]\nuser_memory = \n");
}

TEST(Config, UsersNeedCredentials) {
  EXPECT_NE(error_of("[[user]]\nsubject = \"alice\"\n").find("user[0].uuid"), std::string::npos);
  const auto config = parse_config("[[user]]\nsubject=\"alice\"\nuuid=\"u-1\"\nkey=\"0123456789\"\n", "test.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->users.at(0).ns, "alice");
}

TEST(Duration, ReadsItsUnits) {
  EXPECT_EQ(parse_duration("250 ms"), Duration(250ms));
  EXPECT_EQ(parse_duration("10s"), Duration(10s));
  EXPECT_EQ(parse_duration("10 min"), Duration(10min));
  EXPECT_EQ(parse_duration("1 h"), Duration(1h));
  EXPECT_FALSE(parse_duration("-1 s"));
  EXPECT_FALSE(parse_duration("1"));
  EXPECT_FALSE(parse_duration("9223372036854775807 h"));
}

}  // namespace
}  // namespace instainfer::invoker
