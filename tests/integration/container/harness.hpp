#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "instainfer/base/files.hpp"
#include "instainfer/container/container.hpp"

namespace instainfer::container::testing {

using namespace std::chrono_literals;

/// One event loop on which a test runs tasks to their end, one after the other, none longer than a minute.
class Loop {
 public:
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> outcome;
    std::exception_ptr failure;
    boost::asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error, T value) {
      failure = error;
      outcome = std::move(value);
    });
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    context_.restart();
    while (!outcome) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("a task did not end within a minute");
      context_.run_one_for(1s);
    }
    if (failure) std::rethrow_exception(failure);
    return std::move(*outcome);
  }
  /// Handles events until the condition holds; false if it does not within the limit.
  template <typename Condition>
  bool run_until(Condition condition, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    context_.restart();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      context_.run_one_for(10ms);
    }
    return true;
  }
  boost::asio::io_context& context() { return context_; }

 private:
  boost::asio::io_context context_;
};

/// Settings for one test: a state directory of its own; a range of uids that no daemon uses by default.
inline BackendSettings settings_for(const std::string& backend, const std::filesystem::path& state,
                                    const std::filesystem::path& programs) {
  BackendSettings settings;
  settings.backend = backend;
  settings.state_directory = state;
  settings.runtime_directory = programs;
  settings.first_uid = 230000;
  settings.uid_count = 1000;
  return settings;
}

inline std::unique_ptr<ContainerFactory> make_factory(const BackendSettings& settings) {
  auto factory = make_container_factory(settings);
  if (!factory) throw std::runtime_error(factory.error().message);
  return std::move(*factory);
}

inline ContainerSpec spec_named(std::string name) {
  ContainerSpec spec;
  spec.name = std::move(name);
  spec.memory_limit = Bytes{256LL << 20};
  return spec;
}

inline bool is_root() {
  return ::geteuid() == 0;
}

}  // namespace instainfer::container::testing
