#include "instainfer/runtime/protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace instainfer::runtime {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;
using namespace instainfer::literals;

WorkerSpec some_spec() {
  return {.function = "guest.resnet-1",
          .type = WorkerType::torchscript,
          .uid = 210000,
          .memory_limit = 512_MiB,
          .model_path = "/models/resnet/1/model.pt",
          .threads = 2};
}

TEST(Protocol, WorkerSpecSurvivesTheWire) {
  const auto back = worker_spec_from_json(to_json(some_spec()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, some_spec());
}

TEST(Protocol, PreloadRequestKeepsTheInitValueAsItIs) {
  const PreloadRequest request{some_spec(), {{"name", "f"}, {"code", "x"}, {"env", {{"A", "ü"}}}}};
  const auto back = preload_request_from_json(nlohmann::json::parse(to_json(request).dump()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->worker, request.worker);
  EXPECT_EQ(back->init, request.init);
}

TEST(Protocol, PreloadReportKeepsNanoseconds) {
  const auto back = preload_report_from_json(to_json(PreloadReport{1234567891ns, 17_MiB, "hello\n"}));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->took, 1234567891ns);
  EXPECT_EQ(back->memory, 17_MiB);
  EXPECT_EQ(back->output, "hello\n");
}

TEST(Protocol, StatusReportSurvivesTheWire) {
  const StatusReport report{.owner = "a",
                            .workers = {{"a", WorkerState::running, 5_MiB}, {"b", WorkerState::loading, 0_B}},
                            .deaths = {{"c", "killed by signal 9"}},
                            .memory = 40_MiB,
                            .isolated = false,
                            .libraries_ready = true};
  const auto back = status_report_from_json(to_json(report));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(report));
  EXPECT_EQ(back->workers.at(0).state, WorkerState::running);
  EXPECT_EQ(back->deaths.at(0).why, "killed by signal 9");
  EXPECT_FALSE(back->isolated);
}

struct BadSpec {
  std::string what;
  std::string member;
  nlohmann::json value;
  std::string complaint;
};

class BadWorkerSpec : public ::testing::TestWithParam<BadSpec> {};

TEST_P(BadWorkerSpec, IsRefusedWithASentence) {
  auto json = to_json(some_spec());
  if (GetParam().value.is_discarded()) {
    json.erase(GetParam().member);
  } else {
    json[GetParam().member] = GetParam().value;
  }
  const auto spec = worker_spec_from_json(json);
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(spec.error().message, HasSubstr(GetParam().complaint));
}

const nlohmann::json kMissing(nlohmann::json::value_t::discarded);

INSTANTIATE_TEST_SUITE_P(EveryMember, BadWorkerSpec,
                         ::testing::Values(BadSpec{"no_function", "function", kMissing, "has no member `function`"},
                                           BadSpec{"slash", "function", "../x", "[A-Za-z0-9._-]"},
                                           BadSpec{"long_function", "function", std::string(129, 'a'), "1 to 128"},
                                           BadSpec{"empty_function", "function", "", "1 to 128"},
                                           BadSpec{"type", "type", "perl", "torchscript or python"},
                                           BadSpec{"negative_uid", "uid", -1, "whole number from 0"},
                                           BadSpec{"uid_minus_one", "uid", 4294967295U, "whole number from 0"},
                                           BadSpec{"fraction", "memory_limit", 1.5, "whole number"},
                                           BadSpec{"zero_memory", "memory_limit", 0, "from 1"},
                                           BadSpec{"huge_memory", "memory_limit", 18446744073709551615ULL,
                                                   "whole number"},
                                           BadSpec{"no_threads", "threads", 0, "from 1 to 1024"},
                                           BadSpec{"path_type", "model_path", 7, "must be a string, not number"}),
                         [](const auto& info) { return info.param.what; });

TEST(Protocol, AnythingButAnObjectIsRefused) {
  EXPECT_FALSE(worker_spec_from_json(nlohmann::json::array()));
  EXPECT_FALSE(preload_request_from_json(nlohmann::json(nullptr)));
  EXPECT_FALSE(preload_report_from_json(nlohmann::json("x")));
  EXPECT_FALSE(status_report_from_json(nlohmann::json(3)));
}

TEST(Protocol, PreloadRequestNamesTheMemberThatIsWrong) {
  auto json = to_json(PreloadRequest{some_spec(), nlohmann::json::object()});
  json["worker"]["threads"] = "many";
  const auto request = preload_request_from_json(json);
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message, HasSubstr("`threads`"));
}

}  // namespace
}  // namespace instainfer::runtime
