#pragma once

#include <boost/asio/awaitable.hpp>

namespace instainfer {

/// An asynchronous operation: a coroutine on the executor of whoever awaits it.
template <typename T>
using Task = boost::asio::awaitable<T>;

}  // namespace instainfer
