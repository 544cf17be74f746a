#include "instainfer/base/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <exception>

namespace instainfer {
namespace asio = boost::asio;

struct TaskGroup::State {
  State(asio::any_io_executor its_executor, std::function<void(const char*)> handler)
      : executor(its_executor), on_error(std::move(handler)), changed(its_executor) {
    changed.expires_at(asio::steady_timer::time_point::max());
  }
  asio::any_io_executor executor;
  std::function<void(const char*)> on_error;
  asio::steady_timer changed;  // cancelled whenever the last task ended
  std::size_t running = 0;
};

TaskGroup::TaskGroup(asio::any_io_executor executor, std::function<void(const char*)> on_error)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_error))) {}

TaskGroup::~TaskGroup() {
  assert(state_->running == 0 && "a task group was destroyed before its tasks ended");
}

void TaskGroup::spawn(Task<void> task) {
  ++state_->running;
  asio::co_spawn(state_->executor, std::move(task), [state = state_](std::exception_ptr error) {
    --state->running;
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& thrown) {
        state->on_error(thrown.what());
      } catch (...) {
        state->on_error("unknown exception");
      }
    }
    if (state->running == 0) state->changed.cancel();
  });
}

std::size_t TaskGroup::size() const {
  return state_->running;
}

Task<void> TaskGroup::wait() {
  const std::shared_ptr<State> state = state_;
  while (state->running > 0) {
    boost::system::error_code ignored;
    co_await state->changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace instainfer
