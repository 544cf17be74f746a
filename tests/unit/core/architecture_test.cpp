// The shape of the code base: what the core may include, and the direction of includes across modules (design.md 2, 3).

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace instainfer {
namespace {

namespace fs = std::filesystem;

struct Line {
  std::string where;
  std::string text;
};

std::vector<Line> lines_under(const fs::path& folder) {
  std::vector<Line> lines;
  if (!fs::exists(folder)) return lines;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".hpp" && extension != ".cpp") continue;
    std::ifstream file(entry.path());
    std::string text;
    for (int number = 1; std::getline(file, text); ++number) {
      lines.push_back({entry.path().string() + ":" + std::to_string(number), text});
    }
  }
  return lines;
}

const fs::path kRoot = INSTAINFER_SOURCE_DIR;

TEST(Architecture, TheCoreDoesNoInputOrOutputAndReadsNoClock) {
  const std::regex forbidden(
      R"(#include <(boost|thread|mutex|shared_mutex|condition_variable|future|atomic|fstream|iostream|filesystem|random|nlohmann|spdlog|sqlite3|unistd\.h|sys/).*)"
      R"(|(system|steady|high_resolution)_clock::now|random_device|std::rand|::now\(\))");
  std::size_t seen = 0;
  for (const fs::path& folder : {kRoot / "src/core", kRoot / "include/instainfer/core"}) {
    for (const Line& line : lines_under(folder)) {
      ++seen;
      EXPECT_FALSE(std::regex_search(line.text, forbidden)) << line.where << ": " << line.text;
    }
  }
  EXPECT_GT(seen, 1000U) << "the sources of the core were not found";
}

/// Which modules' public headers a module may include. base is the vocabulary below all; nobody uses what is on top.
const std::map<std::string, std::set<std::string>>& allowed() {
  static const std::map<std::string, std::set<std::string>> table{
      {"base", {}},
      {"core", {}},
      {"openwhisk", {}},
      {"http", {}},
      {"runtime", {"openwhisk", "tensors"}},
      {"tensors", {"openwhisk"}},
      {"bus", {"openwhisk"}},
      {"store", {"openwhisk", "core"}},
      {"container", {"http", "openwhisk", "runtime", "tensors"}},
      {"invoker", {"http", "core", "openwhisk", "bus", "store", "container", "runtime", "tensors", "controller"}},
      {"controller", {"http", "core", "openwhisk", "bus", "store", "container", "runtime", "tensors"}},
      {"replay", {"http", "core", "openwhisk", "bus", "store", "controller", "invoker"}},
  };
  return table;
}

TEST(Architecture, IncludesAcrossModulesGoInOneDirection) {
  const std::regex include(R"(#include \"instainfer/(\w+)/)");
  for (const auto& [module, others] : allowed()) {
    for (const fs::path& folder : {kRoot / "src" / module, kRoot / "include/instainfer" / module}) {
      for (const Line& line : lines_under(folder)) {
        std::smatch match;
        if (!std::regex_search(line.text, match, include)) continue;
        const std::string other = match[1];
        const bool fine = other == module || other == "base" || others.contains(other);
        EXPECT_TRUE(fine) << line.where << ": " << module << " must not use " << other;
      }
    }
  }
}

TEST(Architecture, EveryModuleIsKnownHere) {
  for (const auto& entry : fs::directory_iterator(kRoot / "src")) {
    if (entry.is_directory()) EXPECT_TRUE(allowed().contains(entry.path().filename().string())) << entry.path();
  }
}

TEST(Architecture, NoModuleReachesIntoAnothersSources) {
  const std::regex reaching(R"(#include \"(\.\./|src/))");
  for (const Line& line : lines_under(kRoot / "src")) {
    EXPECT_FALSE(std::regex_search(line.text, reaching)) << line.where << ": " << line.text;
  }
}

}  // namespace
}  // namespace instainfer
