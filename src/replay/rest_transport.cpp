#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "instainfer/base/encoding.hpp"
#include "transport.hpp"

namespace instainfer::replay {
namespace {

namespace asio = boost::asio;

constexpr auto kRecordPollInterval = std::chrono::milliseconds(250);
/// Statuses that carry an activation record: success, error of the action, error of OpenWhisk.
constexpr bool carries_record(int status) {
  return status == 200 || status == 502 || status == 500;
}

Error api_error(const HttpAnswer& answer) {
  constexpr std::size_t kTextShown = 300;
  const auto document = nlohmann::json::parse(answer.body, nullptr, false);
  auto text = answer.body.substr(0, kTextShown);
  if (document.is_object() && document.contains("error")) text = document["error"].dump();
  return {ErrorCode::unavailable, "HTTP status " + std::to_string(answer.status) + ": " + text};
}

class RestTransport final : public Transport {
 public:
  RestTransport(asio::any_io_executor executor, Api api)
      : client_(std::move(executor), std::move(api.endpoint)), authorization_(basic_authorization(api.key)) {}

  Task<Result<std::string>> invoke(std::string action, std::string parameters, std::string /*file*/,
                                   Duration deadline) override {
    HttpRequest request{.method = HttpRequest::Method::post,
                        .target = "/api/v1/namespaces/_/actions/" + action + "?blocking=true&result=false",
                        .authorization = authorization_,
                        .body = std::move(parameters)};
    auto answer = co_await client_.request(std::move(request), deadline);
    if (!answer) co_return fail(answer.error());
    const auto document = nlohmann::json::parse(answer->body, nullptr, false);
    const auto has_id =
        document.is_object() && document.contains("activationId") && document["activationId"].is_string();
    if (carries_record(answer->status) && has_id) co_return std::move(answer->body);
    if (answer->status != 202 || !has_id) co_return fail(api_error(*answer));
    co_return co_await await_record(client_, authorization_, document["activationId"].get<std::string>(), deadline);
  }

 private:
  HttpClient client_;
  std::string authorization_;
};

}  // namespace

std::string basic_authorization(const std::string& key) {
  return "Basic " + base64_encode(key);
}

Task<Result<std::string>> await_record(HttpClient& client, std::string authorization, std::string activation_id,
                                       Duration deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (std::chrono::steady_clock::now() < until) {
    HttpRequest request{.method = HttpRequest::Method::get,
                        .target = "/api/v1/namespaces/_/activations/" + activation_id,
                        .authorization = authorization,
                        .body = {}};
    auto answer = co_await client.request(std::move(request), std::chrono::seconds(10));
    if (!answer) co_return fail(answer.error());
    if (answer->status == 200) co_return std::move(answer->body);
    if (answer->status != 404) co_return fail(api_error(*answer));
    timer.expires_after(kRecordPollInterval);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return fail(ErrorCode::timed_out, "activation " + activation_id + " has no record yet");
}

std::unique_ptr<Transport> make_rest_transport(asio::any_io_executor executor, Api api) {
  return std::make_unique<RestTransport>(std::move(executor), std::move(api));
}

}  // namespace instainfer::replay
