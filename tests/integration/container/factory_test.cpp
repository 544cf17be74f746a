// Which backend is chosen, and what is refused.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "harness.hpp"

namespace instainfer::container::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
const fs::path kStandIn = fs::path(INSTAINFER_SOURCE_DIR) / "tests/integration/container/standin";

class Factory : public ::testing::Test {
 protected:
  [[nodiscard]] std::string refusal() const {
    const auto factory = make_container_factory(settings_);
    return factory ? "accepted" : factory.error().message;
  }
  /// A container runtime that says its version and then fails.
  void use_broken_runtime() {
    settings_.oci_runtime = (state_.path() / "broken").string();
    std::ofstream(settings_.oci_runtime) << "#!/bin/sh\n[ \"$1\" = --version ] && echo 'broken version 0.1' && exit 0\n"
                                            "echo 'cgroups of this machine are not supported' >&2\nexit 1\n";
    ::chmod(settings_.oci_runtime.c_str(), 0755);
  }

  TemporaryDirectory state_{"instainfer-factory"};
  BackendSettings settings_ = settings_for("auto", state_.path(), kStandIn);
};

TEST_F(Factory, FallsBackToProcessesWhereNoRuntimeWorks) {
  if (!is_root()) GTEST_SKIP() << "needs root";
  use_broken_runtime();
  const auto factory = make_container_factory(settings_);
  ASSERT_TRUE(factory) << factory.error().message;
  EXPECT_THAT((*factory)->capabilities().name, HasSubstr("process"));
  EXPECT_TRUE((*factory)->capabilities().isolates_functions);
  EXPECT_FALSE((*factory)->capabilities().limits_memory);
  EXPECT_EQ((*factory)->capabilities().warnings.size(), 1U);
}

TEST_F(Factory, AnExplicitBackendThatCannotWorkIsAnErrorWithTheRuntimesOwnWords) {
  if (!is_root()) GTEST_SKIP() << "needs root";
  use_broken_runtime();
  settings_.backend = "oci";
  EXPECT_THAT(refusal(), HasSubstr("cgroups of this machine are not supported"));
}

TEST_F(Factory, ARuntimeThatIsNotThereIsNamed) {
  if (!is_root()) GTEST_SKIP() << "needs root";
  settings_.backend = "oci";
  settings_.oci_runtime = "youki-that-nobody-has";
  EXPECT_THAT(refusal(), HasSubstr("youki-that-nobody-has does not: it is not installed"));
}

TEST_F(Factory, AnUnknownBackendIsRefusedWithTheKnownOnes) {
  settings_.backend = "vm";
  EXPECT_EQ(refusal(), "container backend \"vm\" is unknown; it is one of auto, oci, process");
}

TEST_F(Factory, AFolderWithoutTheManagerIsRefused) {
  settings_.runtime_directory = state_.path();
  EXPECT_THAT(refusal(), HasSubstr("instainfer-runtime"));
}

TEST_F(Factory, AMissingModelRepositoryIsRefused) {
  settings_.models = state_.path() / "no-models";
  EXPECT_THAT(refusal(), HasSubstr("no-models is not a directory"));
}

TEST_F(Factory, AnOrdinaryUserGetsProcessesAndOneClearWarning) {
  if (is_root()) GTEST_SKIP() << "needs an ordinary user";
  const auto factory = make_container_factory(settings_);
  ASSERT_TRUE(factory) << factory.error().message;
  EXPECT_FALSE((*factory)->capabilities().isolates_functions);
  ASSERT_EQ((*factory)->capabilities().warnings.size(), 1U);
  EXPECT_THAT((*factory)->capabilities().warnings[0], HasSubstr("a container holds one function at most"));
}

TEST_F(Factory, TheStateDirectoryIsItsOwnersAlone) {
  settings_.backend = "process";
  settings_.state_directory = state_.path() / "state";
  ASSERT_TRUE(make_container_factory(settings_));
  struct stat info {};
  ASSERT_EQ(::stat(settings_.state_directory.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(Factory, AManagerThatEndsAtOnceIsReportedAndLeavesNothing) {
  TemporaryDirectory programs;
  const auto program = programs.path() / "instainfer-runtime";
  std::ofstream(program) << "#!/bin/sh\necho 'no libraries here' >&2\nexit 1\n";
  ::chmod(program.c_str(), 0755);
  settings_.runtime_directory = programs.path();
  Loop loop;
  auto factory = make_factory(settings_);
  const auto container = loop.run(factory->create(spec_named("wsk0_1_a"), [] {}));
  ASSERT_FALSE(container);
  EXPECT_THAT(container.error().message, HasSubstr("no libraries here"));
  EXPECT_THAT(container.error().message, ::testing::Not(HasSubstr("remains")));
  EXPECT_EQ(loop.run(factory->clean_up()), 0);
}

}  // namespace
}  // namespace instainfer::container::testing
