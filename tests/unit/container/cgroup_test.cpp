#include "cgroup.hpp"

#include <gtest/gtest.h>

namespace instainfer::container {
namespace {

constexpr const char* kHybrid = R"(
30 20 0:26 / /sys/fs/cgroup rw,relatime shared:1 - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
37 30 0:33 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
41 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
)";

TEST(CgroupLayout, FindsTheControllersOfVersion1) {
  const auto layout = parse_cgroup_layout(kHybrid);
  EXPECT_EQ(layout.version, CgroupLayout::Version::v1);
  EXPECT_TRUE(layout.hybrid);
  EXPECT_EQ(layout.memory, "/sys/fs/cgroup/memory");
  EXPECT_EQ(layout.freezer, "/sys/fs/cgroup/freezer");
  EXPECT_EQ(layout.roots.size(), 4U);
  EXPECT_EQ(layout.describe(), "cgroup v1 (hybrid)");
}

TEST(CgroupLayout, FindsControllersMountedTogether) {
  const auto layout = parse_cgroup_layout(
      "35 30 0:31 / /sys/fs/cgroup/all rw,relatime shared:9 master:1 - cgroup cgroup rw,cpu,freezer,memory\n");
  EXPECT_EQ(layout.version, CgroupLayout::Version::v1);
  EXPECT_FALSE(layout.hybrid);
  EXPECT_EQ(layout.memory, layout.freezer);
}

TEST(CgroupLayout, AUnifiedTreeIsVersion2) {
  const auto layout = parse_cgroup_layout("30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
  EXPECT_EQ(layout.version, CgroupLayout::Version::v2);
  EXPECT_EQ(layout.memory, "/sys/fs/cgroup");
  EXPECT_EQ(layout.freezer, "/sys/fs/cgroup");
}

TEST(CgroupLayout, WithoutCgroupMountsThereIsNone) {
  EXPECT_EQ(parse_cgroup_layout("22 1 8:1 / / rw - ext4 /dev/sda1 rw\nnonsense\n").version,
            CgroupLayout::Version::none);
}

TEST(CgroupLayout, AControllersNameInsideAnotherIsNotIt) {
  EXPECT_EQ(parse_cgroup_layout("35 30 0:31 / /a rw - cgroup cgroup rw,memory_other,freezer\n").version,
            CgroupLayout::Version::none);
}

TEST(OomKills, AreReadFromBothVersions) {
  EXPECT_EQ(parse_oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3);
  EXPECT_EQ(parse_oom_kills("low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n"), 1);
  EXPECT_EQ(parse_oom_kills(""), 0);
}

}  // namespace
}  // namespace instainfer::container
