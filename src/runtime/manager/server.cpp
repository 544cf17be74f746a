#include "manager/server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace instainfer::runtime {

namespace {

namespace http = boost::beast::http;
using Socket = boost::asio::local::stream_protocol::socket;
using Request = http::request<http::string_body>;

constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);
constexpr std::uint64_t kBodyLimit = std::uint64_t{256} << 20;  // code is at most 48 MB, and base64 of it a third more

bool is_trusted_peer(Socket& socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid();
}

/// Takes the same time wherever the first difference is.
bool same_secret(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    difference |= static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i]);
  }
  return difference == 0;
}

/// Comes back only when awaited no more; tells the manager once if the caller of a preload hangs up.
Task<void> watch_for_hangup(Socket& socket, Manager& manager, std::string function) {
  const auto [error] = co_await socket.async_wait(Socket::wait_read, kAwait);
  if (error) co_return;  // the preload is answered
  char byte = 0;
  if (recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) manager.abandon_preload(function);
  Event never(co_await boost::asio::this_coro::executor);
  co_await never.wait();
}

Task<Answer> preload(Socket& socket, Manager& manager, nlohmann::json body) {
  using namespace boost::asio::experimental::awaitable_operators;
  std::string function;
  const auto worker = body.find("worker");
  if (worker != body.end() && worker->is_object()) {
    const auto name = worker->find("function");
    if (name != worker->end() && name->is_string()) function = name->get<std::string>();
  }
  auto outcome = co_await (manager.preload(std::move(body)) || watch_for_hangup(socket, manager, std::move(function)));
  co_return std::get<Answer>(std::move(outcome));
}

Task<Answer> dispatch(Socket& socket, Manager& manager, Request request) {
  const std::string target(request.target());
  if (request.method() == http::verb::get && target == "/status") co_return manager.status();
  if (request.method() != http::verb::post) co_return error_answer(400, "use GET /status or POST to one of the others");
  auto body = nlohmann::json::parse(request.body(), nullptr, false);
  request.body() = {};
  if (!body.is_object()) co_return error_answer(400, "the body of " + target + " must be a JSON object");
  if (target == "/init") co_return co_await manager.init(std::move(body));
  if (target == "/run") co_return co_await manager.run(std::move(body));
  if (target == "/preload") co_return co_await preload(socket, manager, std::move(body));
  if (target == "/offload") co_return co_await manager.offload(std::move(body));
  co_return error_answer(404, "there is no " + target + "; the calls are /init, /run, /preload, /offload, /status");
}

}  // namespace

Server::Server(Manager& manager, Background& background, boost::asio::local::stream_protocol::acceptor acceptor,
               std::string token)
    : manager_(manager), background_(background), acceptor_(std::move(acceptor)), token_("Bearer " + std::move(token)) {
}

Task<void> Server::run() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (error == boost::asio::error::operation_aborted) co_return;
    if (error || !is_trusted_peer(socket)) continue;
    background_.spawn(serve(std::move(socket)));
  }
}

Task<void> Server::serve(Socket socket) {
  boost::beast::flat_buffer buffer;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(kBodyLimit);
    const auto [bad, received] = co_await http::async_read(socket, buffer, parser, kAwait);
    if (bad) co_return;
    Request request = parser.release();
    const bool keep_alive = request.keep_alive();
    Answer answer = same_secret(request[http::field::authorization], token_)
                        ? co_await dispatch(socket, manager_, std::move(request))
                        : error_answer(401, "every call needs the token of this container");
    http::response<http::string_body> response(static_cast<http::status>(answer.status), 11);
    response.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : answer.headers) response.set(name, value);
    response.keep_alive(keep_alive);
    response.body() = std::move(answer.body);
    response.prepare_payload();
    const auto [unsent, sent] = co_await http::async_write(socket, response, kAwait);
    if (unsent || !keep_alive) co_return;
  }
}

}  // namespace instainfer::runtime
