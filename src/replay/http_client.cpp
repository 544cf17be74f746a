#include "http_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <vector>

namespace instainfer::replay {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kLargestAnswer = 64ULL << 20;
/// Servers close idle connections; one that was idle longer is not trusted with a call that cannot be repeated.
constexpr auto kLongestIdle = std::chrono::seconds(2);

}  // namespace

struct HttpClient::Pool {
  using Clock = std::chrono::steady_clock;
  struct Connection {
    std::unique_ptr<beast::tcp_stream> stream;
    Clock::time_point idle_since;
  };

  asio::any_io_executor executor;
  Endpoint endpoint;
  std::vector<Connection> idle;

  std::unique_ptr<beast::tcp_stream> take_idle() {
    while (!idle.empty()) {
      auto connection = std::move(idle.back());
      idle.pop_back();
      if (Clock::now() - connection.idle_since < kLongestIdle) return std::move(connection.stream);
    }
    return nullptr;
  }

  Error error_of(std::string_view what, const beast::error_code& code) const {
    const auto kind = code == beast::error::timeout ? ErrorCode::timed_out : ErrorCode::unavailable;
    return {kind, std::string(what) + " http://" + endpoint.host + ":" + endpoint.port + ": " + code.message()};
  }

  Task<Result<std::unique_ptr<beast::tcp_stream>>> connect(Clock::time_point deadline) {
    asio::ip::tcp::resolver resolver(executor);
    const auto [resolve_error, addresses] = co_await resolver.async_resolve(endpoint.host, endpoint.port, kAwait);
    if (resolve_error) co_return fail(error_of("find", resolve_error));
    auto stream = std::make_unique<beast::tcp_stream>(executor);
    stream->expires_at(deadline);
    const auto [connect_error, peer] = co_await stream->async_connect(addresses, kAwait);
    if (connect_error) co_return fail(error_of("connect to", connect_error));
    beast::error_code ignored;
    stream->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    co_return std::move(stream);
  }
};

Result<Endpoint> parse_endpoint(std::string_view url) {
  auto rest = url;
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const auto colon = rest.rfind(':');
  const auto host = rest.substr(0, colon);
  const auto port = colon == std::string_view::npos ? std::string_view("80") : rest.substr(colon + 1);
  const auto digits = port.find_first_not_of("0123456789") == std::string_view::npos;
  if (host.empty() || host.find_first_of("/:") != std::string_view::npos || port.empty() || port.size() > 5 ||
      !digits) {
    return fail(ErrorCode::invalid_argument, "\"" + std::string(url) + "\" is not of the form http://host:port");
  }
  return Endpoint{std::string(host), std::string(port)};
}

HttpClient::HttpClient(boost::asio::any_io_executor executor, Endpoint endpoint)
    : pool_(std::make_unique<Pool>(std::move(executor), std::move(endpoint), std::vector<Pool::Connection>())) {
}
HttpClient::~HttpClient() = default;

Task<Result<HttpAnswer>> HttpClient::request(HttpRequest request, Duration deadline) {
  const auto until = Pool::Clock::now() + deadline;
  auto stream = pool_->take_idle();
  if (!stream) {
    auto connected = co_await pool_->connect(until);
    if (!connected) co_return fail(connected.error());
    stream = std::move(*connected);
  }

  http::request<http::string_body> message;
  message.method(request.method == HttpRequest::Method::get ? http::verb::get : http::verb::post);
  message.target(request.target);
  message.version(11);
  message.set(http::field::host, pool_->endpoint.host + ":" + pool_->endpoint.port);
  message.set(http::field::user_agent, "instainfer-replay");
  if (!request.authorization.empty()) message.set(http::field::authorization, request.authorization);
  if (request.method == HttpRequest::Method::post) message.set(http::field::content_type, "application/json");
  message.body() = std::move(request.body);
  message.prepare_payload();

  stream->expires_at(until);
  const auto [write_error, written] = co_await http::async_write(*stream, message, kAwait);
  if (write_error) co_return fail(pool_->error_of("send to", write_error));

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestAnswer);
  const auto [read_error, read] = co_await http::async_read(*stream, buffer, parser, kAwait);
  if (read_error) co_return fail(pool_->error_of("read the answer of", read_error));

  auto answer = parser.release();
  if (answer.keep_alive()) pool_->idle.push_back({std::move(stream), Pool::Clock::now()});
  co_return HttpAnswer{static_cast<int>(answer.result_int()), std::move(answer.body())};
}

}  // namespace instainfer::replay
