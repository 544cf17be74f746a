#include "instainfer/bus/local_bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace instainfer::bus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

openwhisk::ActivationMessage activation(std::string id) {
  openwhisk::ActivationMessage message;
  message.activation_id = std::move(id);
  return message;
}

openwhisk::Acknowledgement completion(std::string id) {
  openwhisk::Acknowledgement ack;
  ack.activation_id = std::move(id);
  ack.completion = true;
  return ack;
}

class LocalBusTest : public ::testing::Test {
 protected:
  void take_everything() {
    bus_->consume([this](openwhisk::ActivationMessage message) { activations_.push_back(message.activation_id); });
    bus_->on_acknowledgement([this](openwhisk::Acknowledgement ack) { acks_.push_back(ack.activation_id); });
  }

  boost::asio::io_context context_;
  std::unique_ptr<LocalBus> bus_ = std::make_unique<LocalBus>(context_.get_executor(), context_.get_executor());
  std::vector<std::string> activations_;
  std::vector<std::string> acks_;
};

TEST_F(LocalBusTest, DeliversActivationsAndAcknowledgementsInOrder) {
  take_everything();
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(bus_->publish(activation(id)));
  for (const char* id : {"c", "a"}) bus_->acknowledge(completion(id));
  context_.run();
  EXPECT_THAT(activations_, ElementsAre("a", "b", "c"));
  EXPECT_THAT(acks_, ElementsAre("c", "a"));
}

TEST_F(LocalBusTest, NeverCallsAHandlerInsideTheSendersCall) {
  take_everything();
  boost::asio::post(context_, [this] {
    ASSERT_TRUE(bus_->publish(activation("a")));
    bus_->acknowledge(completion("a"));
    EXPECT_THAT(activations_, IsEmpty());
    EXPECT_THAT(acks_, IsEmpty());
  });
  context_.run();
  EXPECT_THAT(activations_, ElementsAre("a"));
  EXPECT_THAT(acks_, ElementsAre("a"));
}

TEST_F(LocalBusTest, RefusesActivationsBeforeAnInvokerTakesThem) {
  const auto published = bus_->publish(activation("a"));
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::unavailable);
  EXPECT_EQ(published.error().message, "no invoker takes activations yet: it has not started");
}

TEST_F(LocalBusTest, RefusesActivationsAfterCloseButDeliversWhatWasAcceptedAndEveryAcknowledgement) {
  take_everything();
  ASSERT_TRUE(bus_->publish(activation("before")));
  bus_->close();
  const auto published = bus_->publish(activation("after"));
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::unavailable);
  bus_->acknowledge(completion("before"));
  context_.run();
  EXPECT_THAT(activations_, ElementsAre("before"));
  EXPECT_THAT(acks_, ElementsAre("before"));
}

TEST_F(LocalBusTest, DropsMessagesUnderWayWhenItIsDestroyed) {
  take_everything();
  ASSERT_TRUE(bus_->publish(activation("a")));
  bus_->acknowledge(completion("a"));
  bus_.reset();
  context_.run();
  EXPECT_THAT(activations_, IsEmpty());
  EXPECT_THAT(acks_, IsEmpty());
}

TEST(LocalBus, CallsEachSideOnItsOwnExecutor) {
  boost::asio::io_context invoker, controller;
  LocalBus bus(invoker.get_executor(), controller.get_executor());
  std::thread::id activation_ran_on, ack_ran_on;
  bus.consume([&](openwhisk::ActivationMessage message) {
    activation_ran_on = std::this_thread::get_id();
    bus.acknowledge(completion(message.activation_id));
  });
  bus.on_acknowledgement([&](openwhisk::Acknowledgement) { ack_ran_on = std::this_thread::get_id(); });
  ASSERT_TRUE(bus.publish(activation("a")));
  std::thread invoker_thread([&] { invoker.run(); });
  const auto invoker_id = invoker_thread.get_id();
  invoker_thread.join();
  controller.run();
  EXPECT_EQ(activation_ran_on, invoker_id);
  EXPECT_EQ(ack_ran_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace instainfer::bus
