#include "result_waits.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace instainfer::controller {

ResultWaits::ResultWaits(boost::asio::any_io_executor executor)
    : executor_(std::move(executor)), table_(std::make_shared<Table>()) {
}

void ResultWaits::deliver(const openwhisk::Acknowledgement& ack) {
  const auto found = table_->waits.find(ack.activation_id);
  if (found == table_->waits.end()) return;
  Wait& wait = *found->second;
  if (ack.activation) {
    wait.result_ = ack.activation;
  } else {
    wait.stored_ = true;
  }
  wait.news_ = true;
  wait.timer_.cancel();
}

void ResultWaits::close() {
  table_->closed = true;
  for (const auto& [id, wait] : table_->waits) wait->timer_.cancel();
}

ResultWaits::Wait::Wait(ResultWaits& waits, std::string activation_id)
    : table_(waits.table_), activation_id_(std::move(activation_id)), timer_(waits.executor_) {
  table_->waits.emplace(activation_id_, this);
}

ResultWaits::Wait::~Wait() {
  table_->waits.erase(activation_id_);
}

Task<void> ResultWaits::Wait::until(std::chrono::steady_clock::time_point deadline) {
  if (!news_ && !table_->closed) {
    timer_.expires_at(deadline);
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  news_ = false;
}

}  // namespace instainfer::controller
