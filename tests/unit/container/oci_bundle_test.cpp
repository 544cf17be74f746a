#include "oci_bundle.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "instainfer/base/files.hpp"

namespace instainfer::container {
namespace {

using ::testing::Contains;
using ::testing::Not;
using Json = nlohmann::json;

BundlePlan a_plan() {
  BundlePlan plan;
  plan.rootfs = "/state/c/rootfs";
  plan.control = "/state/c/run";
  plan.etc = "/state/etc";
  plan.programs = "/programs";
  plan.arguments = {"/opt/instainfer/bin/instainfer-runtime"};
  plan.cgroup_path = "/instainfer/tag/c";
  plan.memory_limit = Bytes{256LL << 20};
  plan.tmp_size = Bytes{512LL << 20};
  return plan;
}

Json mount_at(const Json& config, std::string_view destination) {
  for (const auto& mount : config["mounts"]) {
    if (mount["destination"] == destination) return mount;
  }
  return nullptr;
}

std::vector<std::string> namespaces(const Json& config) {
  std::vector<std::string> types;
  for (const auto& ns : config["linux"]["namespaces"]) types.push_back(ns["type"]);
  return types;
}

TEST(OciConfig, LimitsMemoryCpuAndPids) {
  auto plan = a_plan();
  plan.cpu_shares = 128;
  plan.pids_limit = 77;
  plan.swap_accounting = true;
  const auto resources = make_oci_config(plan)["linux"]["resources"];
  EXPECT_EQ(resources["memory"]["limit"], 256LL << 20);
  EXPECT_EQ(resources["memory"]["swap"], 256LL << 20);
  EXPECT_EQ(resources["cpu"]["shares"], 128);
  EXPECT_EQ(resources["pids"]["limit"], 77);
}

TEST(OciConfig, AsksForNoSwapLimitWhereTheKernelHasNone) {
  EXPECT_FALSE(make_oci_config(a_plan())["linux"]["resources"]["memory"].contains("swap"));
}

TEST(OciConfig, HasNoNetworkUnlessConfigured) {
  auto plan = a_plan();
  EXPECT_THAT(namespaces(make_oci_config(plan)), Contains("network"));
  plan.network = true;
  EXPECT_THAT(namespaces(make_oci_config(plan)), Not(Contains("network")));
}

TEST(OciConfig, EveryWritableMountButTheControlDirectoryIsBoundedMemory) {
  const auto config = make_oci_config(a_plan());
  EXPECT_TRUE(config["root"]["readonly"]);
  for (const auto& mount : config["mounts"]) {
    const auto options = mount["options"].get<std::vector<std::string>>();
    if (mount["destination"] == kControlDirectory || mount["type"] == "proc" || mount["type"] == "mqueue") continue;
    if (mount["type"] == "bind") {
      EXPECT_THAT(options, Contains("ro")) << mount;
    } else {
      EXPECT_THAT(options, Contains(::testing::StartsWith("size="))) << mount;
    }
  }
}

TEST(OciConfig, TmpIsNeverLargerThanTheMemory) {
  const auto options = mount_at(make_oci_config(a_plan()), "/tmp")["options"].get<std::vector<std::string>>();
  EXPECT_THAT(options, Contains("size=" + std::to_string(256LL << 20)));
}

TEST(OciConfig, HidesOtherUsersProcessesAndGivesNoNewPrivileges) {
  const auto config = make_oci_config(a_plan());
  EXPECT_THAT(mount_at(config, "/proc")["options"].get<std::vector<std::string>>(), Contains("hidepid=2"));
  EXPECT_TRUE(config["process"]["noNewPrivileges"]);
  EXPECT_THAT(config["process"]["capabilities"]["bounding"].get<std::vector<std::string>>(),
              Not(Contains("CAP_SYS_ADMIN")));
}

TEST(OciConfig, BindsTheModelsBelowARootOnlyDirectory) {
  auto plan = a_plan();
  EXPECT_TRUE(mount_at(make_oci_config(plan), kModelsDirectory).is_null());
  plan.models = "/models";
  EXPECT_EQ(mount_at(make_oci_config(plan), kModelsDirectory)["source"], "/models");
  TemporaryDirectory directory;
  ASSERT_TRUE(make_rootfs(directory.path()));
  struct stat info {};
  ASSERT_EQ(::stat((directory.path() / "run/instainfer-models").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST(Etc, HoldsWhatTheLinkerNeedsAndNoSecrets) {
  TemporaryDirectory directory;
  ASSERT_TRUE(make_etc(directory.path()));
  ASSERT_TRUE(make_etc(directory.path())) << "again, over what is there";
  EXPECT_TRUE(std::filesystem::exists(directory.path() / "ld.so.cache"));
  EXPECT_TRUE(std::filesystem::exists(directory.path() / "passwd"));
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "shadow"));
}

}  // namespace
}  // namespace instainfer::container
