#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "instainfer/base/task.hpp"

namespace instainfer::runtime {

/// Lets coroutines of one executor sleep until somebody says that something changed; each looks again at what it waits
/// for.
class Event {
 public:
  explicit Event(const boost::asio::any_io_executor& executor)
      : timer_(executor, boost::asio::steady_timer::time_point::max()) {}

  void notify() { timer_.cancel(); }

  Task<void> wait() { co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable)); }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace instainfer::runtime
