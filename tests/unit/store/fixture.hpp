#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "instainfer/base/files.hpp"
#include "instainfer/store/sqlite_store.hpp"

namespace instainfer::store {

/// A store in a directory of its own, and the loop its coroutines run on.
class StoreTest : public ::testing::Test {
 protected:
  /// Runs the coroutine to its end and answers its value.
  template <typename Value>
  static Value wait(boost::asio::io_context& context, Task<Value> task) {
    std::optional<Value> value;
    boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr error, Value result) {
      if (error) std::rethrow_exception(error);
      value = std::move(result);
    });
    context.restart();
    context.run();
    return *std::move(value);
  }
  template <typename Value>
  Value wait(Task<Value> task) {
    return wait(context_, std::move(task));
  }

  static std::unique_ptr<SqliteStore> open(const std::filesystem::path& file) {
    auto store = SqliteStore::open(file);
    if (!store) throw std::runtime_error(store.error().message);
    return *std::move(store);
  }
  void reopen() {
    store_.reset();
    store_ = open(file_);
  }

  static openwhisk::Action action(std::string name, std::string package = "", std::int64_t updated = 1000) {
    openwhisk::Action result;
    result.name = {"guest", std::move(package), std::move(name)};
    result.exec.kind = "python:3";
    result.exec.code = "def main(args):\n    return args\n";
    result.parameters = {{"greeting", "Hello", true, {}}, {"list", openwhisk::Json::array({1, 2}), false, "aes-128"}};
    result.annotations = {{"exec", "python:3", false, {}}};
    result.limits.memory = mebibytes(512);
    result.updated = EpochMillis(std::chrono::milliseconds(updated));
    return result;
  }

  static openwhisk::Activation record(int number, std::string path = "guest/hello") {
    openwhisk::Activation result;
    result.ns = "guest";
    result.name = path.substr(path.rfind('/') + 1);
    result.subject = "guest";
    std::string digits = std::to_string(number);
    result.activation_id = std::string(32 - digits.size(), '0') + digits;
    result.start = EpochMillis(std::chrono::milliseconds(1000 + number));
    result.end = EpochMillis(std::chrono::milliseconds(2000 + number));
    result.duration = 1000;
    result.response.result = openwhisk::Json{{"answer", number}};
    result.response.size = 13;
    result.logs = {"2025-01-01T00:00:00.879123456Z stdout: hi"};
    result.annotations = {{"path", std::move(path), false, {}}};
    return result;
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "state.sqlite";
  boost::asio::io_context context_;
  std::unique_ptr<SqliteStore> store_ = open(file_);
};

}  // namespace instainfer::store
