#include "function_table.hpp"

#include <gtest/gtest.h>

#include "builders.hpp"

namespace instainfer::invoker {
namespace {

using testing::a_manifest;
using testing::an_action;

class FunctionTableTest : public ::testing::Test {
 protected:
  openwhisk::RuntimesManifest manifest = a_manifest();
  FunctionTable table{manifest, nullptr, false};
};

TEST_F(FunctionTableTest, TheSameCodeIsTheSameFunctionWhateverItsRevision) {
  auto action = an_action("f");
  const auto first = table.intern("guest", action);
  action.revision = "2-b";
  const auto second = table.intern("guest", action);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->is_new);
  EXPECT_FALSE(second->is_new);
  EXPECT_EQ(first->function->id, second->function->id);
}

TEST_F(FunctionTableTest, NewCodeIsANewFunctionAndReplacesTheOld) {
  const auto first = table.intern("guest", an_action("f"));
  const auto second = table.intern("guest", an_action("f", "def main(args): return {'v': 2}"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->replaced, first->function->id);
  EXPECT_EQ(table.find(first->function->id), nullptr);
}

TEST_F(FunctionTableTest, EachInvokingNamespaceHasItsOwn) {
  const auto mine = table.intern("guest", an_action("f"));
  const auto yours = table.intern("alice", an_action("f"));
  ASSERT_TRUE(mine && yours);
  EXPECT_NE(mine->function->id, yours->function->id);
  EXPECT_NE(mine->function->spec.ns, yours->function->spec.ns);
  EXPECT_EQ(table.forget({"guest", "", "f"}).size(), 2u);
}

TEST_F(FunctionTableTest, KindsWithoutAWorkerAreRefusedWithTheKnownOnes) {
  auto action = an_action("f");
  action.exec.kind = "nodejs:20";
  const auto refused = table.intern("guest", action);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("python:3"), std::string::npos);
}

TEST_F(FunctionTableTest, PythonRunsEarlyOnlyWhereTheActionAsksForIt) {
  EXPECT_FALSE(table.intern("guest", an_action("plain"))->function->spec.preloadable);
  auto asks = an_action("asks");
  asks.annotations.push_back({"preload", true, false, {}});
  EXPECT_TRUE(table.intern("guest", asks)->function->spec.preloadable);
}

TEST_F(FunctionTableTest, InitParametersForbidRunningEarly) {
  auto action = an_action("f");
  action.annotations.push_back({"preload", true, false, {}});
  action.parameters.push_back({"region", "eu", true, {}});
  EXPECT_FALSE(table.intern("guest", action)->function->spec.preloadable);
}

TEST_F(FunctionTableTest, ATorchScriptFunctionWithoutARepositorySaysSo) {
  auto action = an_action("t", R"({"model": "resnet18"})");
  action.exec.kind = "torchscript:1";
  const auto interned = table.intern("guest", action);
  ASSERT_TRUE(interned);
  ASSERT_TRUE(interned->function->unusable);
  EXPECT_NE(interned->function->unusable->message.find("no model repository"), std::string::npos);
  EXPECT_FALSE(interned->function->spec.preloadable);
}

TEST_F(FunctionTableTest, TorchScriptCodeThatIsNeitherZipNorFunctionIsUnusable) {
  auto action = an_action("t", "print('hello')");
  action.exec.kind = "torchscript:1";
  ASSERT_TRUE(table.intern("guest", action)->function->unusable);
}

}  // namespace
}  // namespace instainfer::invoker
