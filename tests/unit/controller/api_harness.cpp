#include "api_harness.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "api.hpp"
#include "instainfer/base/encoding.hpp"
#include "instainfer/store/sqlite_store.hpp"

namespace instainfer::controller {
namespace {

constexpr const char* kManifest = R"({"runtimes": {
  "python": [{"kind": "python:3", "default": true, "image": {"name": "python"}, "instainfer": {"worker": "python"}}],
  "old": [{"kind": "old:1", "default": true, "deprecated": true, "image": {"name": "old"}}],
  "java": [{"kind": "java:8", "default": true, "requireMain": true, "image": {"name": "java"}}],
  "torchscript": [{"kind": "torchscript:1", "default": true, "image": {"name": "torchscript"},
                   "instainfer": {"worker": "torchscript"}}]
}, "blackboxes": []})";

template <typename T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

Task<void> store_record(store::ActivationStore& records, openwhisk::Activation activation, bool& done) {
  const auto stored = co_await records.put(std::move(activation));
  EXPECT_TRUE(stored) << stored.error().message;
  done = true;
}

Task<void> answer(Api& api, Request request, std::shared_ptr<std::optional<Response>> into) {
  *into = co_await api.handle(std::move(request));
}

}  // namespace

Result<void> FakeBus::publish(openwhisk::ActivationMessage message) {
  if (!available) return fail(ErrorCode::unavailable, "no invoker");
  published.push_back(message);
  if (on_publish) on_publish(message);
  return {};
}

struct ApiHarness::Impl {
  TemporaryDirectory directory;
  boost::asio::io_context io;
  std::unique_ptr<store::SqliteStore> store = value_of(store::SqliteStore::open(directory.path() / "store.sqlite"));
  openwhisk::RuntimesManifest manifest = value_of(openwhisk::RuntimesManifest::parse(kManifest));
  std::unique_ptr<Api> api;
};

ApiHarness::ApiHarness(openwhisk::SystemLimits limits, std::vector<openwhisk::Identity> users)
    : impl_(std::make_unique<Impl>()) {
  ControllerSettings settings;
  settings.limits = limits;
  settings.users = std::move(users);
  settings.build = "2026-01-01";
  settings.build_number = "0.1.0";
  Controller::Dependencies dependencies{*impl_->store, *impl_->store, bus, impl_->manifest,
                                        [this](const Controller::ActionChange& change) { changes.push_back(change); }};
  impl_->api = std::make_unique<Api>(impl_->io.get_executor(), settings, std::move(dependencies));
  bus.on_acknowledgement([this](const openwhisk::Acknowledgement& ack) { impl_->api->acknowledged(ack); });
}

ApiHarness::~ApiHarness() = default;

void ApiHarness::run_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the awaited event did not come in 30 s");
    impl_->io.restart();
    impl_->io.run_one_for(std::chrono::milliseconds(20));
  }
}

std::shared_ptr<std::optional<Response>> ApiHarness::begin(const std::string& method, const std::string& target,
                                                           const std::string& body, std::vector<Header> headers) {
  Request request{method, target, std::move(headers), body};
  if (request.find_header("Authorization") == nullptr) {
    request.headers.push_back({"Authorization", "Basic " + base64_encode(guest_credentials())});
  }
  if (!body.empty() && request.find_header("Content-Type") == nullptr) {
    request.headers.push_back({"Content-Type", "application/json"});
  }
  auto response = std::make_shared<std::optional<Response>>();
  boost::asio::co_spawn(impl_->io, answer(*impl_->api, std::move(request), response), boost::asio::detached);
  return response;
}

Response ApiHarness::send(const std::string& method, const std::string& target, const std::string& body,
                          std::vector<Header> headers) {
  const auto response = begin(method, target, body, std::move(headers));
  run_until([&] { return response->has_value(); });
  return **response;
}

Response ApiHarness::send_as(const std::string& credentials, const std::string& method, const std::string& target) {
  return send(method, target, "", {{"Authorization", "Basic " + base64_encode(credentials)}});
}

void ApiHarness::put_record(const openwhisk::Activation& activation) {
  bool done = false;
  boost::asio::co_spawn(impl_->io, store_record(*impl_->store, activation, done), boost::asio::detached);
  run_until([&] { return done; });
}

void ApiHarness::close() {
  impl_->api->close();
}

openwhisk::Json json_of(const Response& response) {
  return openwhisk::Json::parse(response.body);
}

std::string error_of(const Response& response) {
  const openwhisk::Json body = json_of(response);
  EXPECT_EQ(body.size(), 2u) << response.body;
  const auto id = std::find_if(response.headers.begin(), response.headers.end(),
                               [](const Header& header) { return header.name == "X-Request-ID"; });
  if (id == response.headers.end()) throw std::runtime_error("no X-Request-ID");
  EXPECT_EQ(body.at("code").get<std::string>(), id->value);
  return body.at("error").get<std::string>();
}

const std::string& guest_credentials() {
  static const std::string credentials = default_users()[0].auth_uuid + ":" + default_users()[0].auth_key;
  return credentials;
}

openwhisk::Activation record_of(const openwhisk::ActivationMessage& message, openwhisk::StatusCode status,
                                openwhisk::Json result) {
  openwhisk::Activation activation;
  activation.ns = message.user.ns;
  activation.name = message.action.name;
  activation.subject = message.user.subject;
  activation.activation_id = message.activation_id;
  activation.start = message.transaction.start;
  activation.end = message.transaction.start + std::chrono::milliseconds(7);
  activation.duration = 7;
  activation.response.status = status;
  activation.response.result = std::move(result);
  openwhisk::KeyValue path;
  path.key = "path";
  path.value = message.action.qualified();
  activation.annotations.push_back(path);
  return activation;
}

openwhisk::Acknowledgement combined_ack(const openwhisk::Activation& activation) {
  openwhisk::Acknowledgement ack;
  ack.activation_id = activation.activation_id;
  ack.activation = activation;
  ack.completion = true;
  return ack;
}

std::string actions_path(const std::string& rest) {
  return "/api/v1/namespaces/_/actions" + rest;
}

}  // namespace instainfer::controller
