#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "instainfer/base/task.hpp"
#include "instainfer/openwhisk/activation.hpp"

namespace instainfer::controller {

/// The blocking calls that wait for their activation's result, by activation id. One strand.
class ResultWaits {
 public:
  class Wait;

  explicit ResultWaits(boost::asio::any_io_executor executor);
  /// Hands the result of an acknowledgement to who waits for it, if anybody does.
  void deliver(const openwhisk::Acknowledgement& ack);
  /// Ends all waits now and refuses to wait from now on: the server stops.
  void close();

 private:
  struct Table {
    std::map<std::string, Wait*> waits;
    bool closed = false;
  };
  boost::asio::any_io_executor executor_;
  std::shared_ptr<Table> table_;  // shared with the waits: a suspended call may outlive the server's object
};

/// One blocking call's wait; registered as long as it lives.
class ResultWaits::Wait {
 public:
  Wait(ResultWaits& waits, std::string activation_id);
  ~Wait();
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  /// Returns when a result is there, an acknowledgement without one came, the server stops, or at `deadline`.
  Task<void> until(std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] std::optional<openwhisk::Activation>& result() { return result_; }
  /// The invoker says that the result is there but too large for the bus: read the store.
  [[nodiscard]] bool stored() const { return stored_; }
  [[nodiscard]] bool closed() const { return table_->closed; }

 private:
  friend class ResultWaits;
  std::shared_ptr<Table> table_;
  std::string activation_id_;
  boost::asio::steady_timer timer_;
  std::optional<openwhisk::Activation> result_;
  bool stored_ = false;
  bool news_ = false;  ///< came while nobody waited, or ended the wait
};

}  // namespace instainfer::controller
