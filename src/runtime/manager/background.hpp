#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

#include "instainfer/base/task.hpp"

namespace instainfer::runtime {

/// Coroutines that nobody awaits in place; they live as long as the manager, which is as long as the process. An
/// exception in one is a defect and ends the program rather than leaving a container half clean.
class Background {
 public:
  explicit Background(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  void spawn(Task<void> task) {
    boost::asio::co_spawn(executor_, std::move(task), [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    });
  }

  [[nodiscard]] const boost::asio::any_io_executor& executor() const { return executor_; }

 private:
  boost::asio::any_io_executor executor_;
};

}  // namespace instainfer::runtime
