#include "instainfer/bus/local_bus.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include <boost/asio/post.hpp>

namespace instainfer::bus {
namespace {

/// Where one direction's messages go. Shared by the bus and the messages under way, which may outlive it.
template <typename Message>
class Inbox {
 public:
  using Handler = std::function<void(Message)>;

  void set(Handler handler) {
    const std::lock_guard lock(mutex_);
    handler_ = handler ? std::make_shared<const Handler>(std::move(handler)) : nullptr;
  }
  [[nodiscard]] bool is_taken() const { return handler() != nullptr; }
  /// Drops the message if nobody takes it any more.
  void deliver(Message message) const {
    if (const auto taker = handler()) (*taker)(std::move(message));
  }

 private:
  [[nodiscard]] std::shared_ptr<const Handler> handler() const {
    const std::lock_guard lock(mutex_);
    return handler_;
  }

  mutable std::mutex mutex_;  // the two sides may run on different threads
  std::shared_ptr<const Handler> handler_;
};

template <typename Message>
void post_to(const boost::asio::any_io_executor& executor, std::shared_ptr<Inbox<Message>> inbox, Message message) {
  boost::asio::post(executor, [inbox = std::move(inbox), message = std::move(message)]() mutable {
    inbox->deliver(std::move(message));
  });
}

}  // namespace

struct LocalBus::Impl {
  boost::asio::any_io_executor invoker;
  boost::asio::any_io_executor controller;
  std::shared_ptr<Inbox<openwhisk::ActivationMessage>> activations =
      std::make_shared<Inbox<openwhisk::ActivationMessage>>();
  std::shared_ptr<Inbox<openwhisk::Acknowledgement>> acknowledgements =
      std::make_shared<Inbox<openwhisk::Acknowledgement>>();
  std::atomic<bool> closed = false;
};

LocalBus::LocalBus(boost::asio::any_io_executor invoker, boost::asio::any_io_executor controller)
    : impl_(std::make_unique<Impl>()) {
  impl_->invoker = std::move(invoker);
  impl_->controller = std::move(controller);
}

LocalBus::~LocalBus() {
  impl_->activations->set(nullptr);
  impl_->acknowledgements->set(nullptr);
}

void LocalBus::consume(ActivationHandler handler) {
  impl_->activations->set(std::move(handler));
}

void LocalBus::acknowledge(openwhisk::Acknowledgement ack) {
  post_to(impl_->controller, impl_->acknowledgements, std::move(ack));
}

void LocalBus::on_acknowledgement(AckHandler handler) {
  impl_->acknowledgements->set(std::move(handler));
}

Result<void> LocalBus::publish(openwhisk::ActivationMessage message) {
  if (impl_->closed) return fail(ErrorCode::unavailable, "the invoker takes no more activations: it is shutting down");
  if (!impl_->activations->is_taken()) {
    return fail(ErrorCode::unavailable, "no invoker takes activations yet: it has not started");
  }
  post_to(impl_->invoker, impl_->activations, std::move(message));
  return {};
}

void LocalBus::close() {
  impl_->closed = true;
}

}  // namespace instainfer::bus
