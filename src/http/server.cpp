#include "instainfer/http/server.hpp"

#include <optional>
#include <set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace instainfer::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using tcp = asio::ip::tcp;
using Parser = bhttp::request_parser<bhttp::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxUri = 8 * 1024;
constexpr std::uint32_t kMaxHeader = 32 * 1024;
/// How much of a refused body is read and thrown away, so that the client gets to see the answer.
constexpr std::size_t kMaxDrained = 256u << 20;

/// One connection; `busy` while a request is being answered.
struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  bool busy = false;
};

Request to_request(bhttp::request<bhttp::string_body>&& message) {
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message)
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  request.body = std::move(message.body());
  return request;
}

bhttp::response<bhttp::string_body> to_message(Response response, unsigned version, bool keep_alive) {
  bhttp::response<bhttp::string_body> message;
  message.result(static_cast<unsigned>(response.status));
  message.version(version);
  message.keep_alive(keep_alive);
  if (!response.body.empty()) message.set(bhttp::field::content_type, response.content_type);
  for (const Header& header : response.headers) message.insert(header.name, header.value);
  message.body() = std::move(response.body);
  message.prepare_payload();
  return message;
}

Response text_response(int status, std::string text) {
  return {status, "text/plain; charset=UTF-8", {}, std::move(text)};
}

enum class AfterWrite { keep, close, failed };

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(asio::any_io_executor e, ServerSettings s, Handler h)
      : executor(std::move(e)), settings(std::move(s)), handler(std::move(h)), acceptor(executor), changed(executor) {}

  Task<void> accept();
  Task<void> serve(std::shared_ptr<Connection> connection);
  Task<std::optional<Request>> read(Connection& connection, unsigned& version, bool& keep_alive);
  Task<AfterWrite> write(Connection& connection, Response response, unsigned version, bool keep_alive);
  Task<void> reject(Connection& connection, Response response);
  void close_idle();

  asio::any_io_executor executor;
  ServerSettings settings;
  Handler handler;
  tcp::acceptor acceptor;
  asio::steady_timer changed;  ///< cancelled whenever a coroutine of the server has ended
  std::set<std::shared_ptr<Connection>> connections;
  bool accepting = false;
  bool stopping = false;
  std::uint16_t port = 0;
};

Server::Server(asio::any_io_executor executor, ServerSettings settings, Handler handler)
    : state_(std::make_shared<State>(std::move(executor), std::move(settings), std::move(handler))) {
  state_->changed.expires_at(asio::steady_timer::time_point::max());
}

Server::~Server() = default;

std::uint16_t Server::port() const {
  return state_->port;
}

Result<void> Server::start() {
  const std::string where = state_->settings.bind + ":" + std::to_string(state_->settings.port);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(state_->settings.bind, error);
  if (error) {
    return fail(ErrorCode::invalid_argument,
                "'" + state_->settings.bind + "' is no IP address to listen on, like 127.0.0.1");
  }
  const tcp::endpoint endpoint(address, state_->settings.port);
  tcp::acceptor& acceptor = state_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    return fail(ErrorCode::already_exists,
                "cannot listen on " + where + ": the port is taken; stop the other program or choose another port");
  }
  if (error) return fail(ErrorCode::internal, "cannot listen on " + where + ": " + error.message());
  state_->port = acceptor.local_endpoint().port();
  state_->accepting = true;
  asio::co_spawn(state_->executor, state_->accept(),
                 asio::detached);  // State is the task group: stop() waits for all of it
  return {};
}

Task<void> Server::stop() {
  const std::shared_ptr<State> state = state_;
  state->stopping = true;
  boost::system::error_code ignored;
  state->acceptor.close(ignored);
  state->changed.cancel();
  state->close_idle();
  const auto deadline = std::chrono::steady_clock::now() + state->settings.stop_timeout;
  while (state->accepting || !state->connections.empty()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      for (const auto& connection : state->connections) connection->stream.close();
    }
    // A handler that does not end cannot be abandoned, it uses what is about to be destroyed: go on waiting for it.
    asio::steady_timer& changed = state->changed;
    changed.expires_after(std::chrono::milliseconds(500));
    co_await changed.async_wait(kAwait);
  }
}

void Server::State::close_idle() {
  for (const auto& connection : connections) {
    if (!connection->busy) connection->stream.close();
  }
}

Task<void> Server::State::accept() {
  const auto self = shared_from_this();
  while (!stopping) {
    if (connections.size() >= static_cast<std::size_t>(settings.max_connections)) {
      co_await changed.async_wait(kAwait);
      continue;
    }
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (stopping) break;
    if (error) {  // out of descriptors, or the client has gone: the next one may fare better
      asio::steady_timer pause(executor, std::chrono::milliseconds(100));
      co_await pause.async_wait(kAwait);
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto connection = std::make_shared<Connection>(std::move(socket));
    connections.insert(connection);
    asio::co_spawn(executor, serve(std::move(connection)), asio::detached);
  }
  accepting = false;
  changed.cancel();
}

Task<void> Server::State::serve(std::shared_ptr<Connection> connection) {
  const auto self = shared_from_this();
  AfterWrite next = AfterWrite::keep;
  while (next == AfterWrite::keep && !stopping) {
    unsigned version = 11;
    bool keep_alive = true;
    auto request = co_await read(*connection, version, keep_alive);
    if (!request) break;
    connection->busy = true;
    connection->stream.expires_never();
    Response response = co_await handler(std::move(*request));
    next = co_await write(*connection, std::move(response), version, keep_alive && !stopping);
    connection->busy = false;
  }
  boost::system::error_code ignored;
  connection->stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  connections.erase(connection);
  changed.cancel();
}

/// Nothing if the connection is to be closed: the client went, took too long, or was refused here already.
Task<std::optional<Request>> Server::State::read(Connection& connection, unsigned& version, bool& keep_alive) {
  Parser parser;
  parser.header_limit(kMaxHeader);
  parser.body_limit(static_cast<std::uint64_t>(settings.max_body.count));
  connection.stream.expires_after(settings.idle_timeout);
  auto [header_error, header_bytes] =
      co_await bhttp::async_read_header(connection.stream, connection.buffer, parser, kAwait);
  if (header_error == bhttp::error::body_limit) {
    co_await reject(connection,
                    text_response(413, "The request content is larger than the server is willing or able to process."));
    co_return std::nullopt;
  }
  if (header_error == bhttp::error::header_limit) {
    co_await reject(connection, text_response(431, "The request's header fields are larger than the server accepts."));
    co_return std::nullopt;
  }
  if (header_error.category() == bhttp::make_error_code(bhttp::error::bad_method).category() &&
      header_error != bhttp::error::end_of_stream && header_error != bhttp::error::partial_message) {
    co_await reject(connection, text_response(400, "The request is no valid HTTP: " + header_error.message()));
    co_return std::nullopt;
  }
  if (header_error) co_return std::nullopt;
  if (parser.get().target().size() > kMaxUri) {
    co_await reject(connection, text_response(414, "The request's URI is longer than 8 KiB."));
    co_return std::nullopt;
  }
  connection.busy = true;
  connection.stream.expires_after(settings.transfer_timeout);
  if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
    bhttp::response<bhttp::empty_body> go_on{bhttp::status::continue_, 11};
    auto [error, bytes] = co_await bhttp::async_write(connection.stream, go_on, kAwait);
    if (error) co_return std::nullopt;
  }
  auto [body_error, body_bytes] = co_await bhttp::async_read(connection.stream, connection.buffer, parser, kAwait);
  if (body_error == bhttp::error::body_limit) {
    co_await reject(connection,
                    text_response(413, "The request content is larger than the server is willing or able to process."));
    co_return std::nullopt;
  }
  if (body_error) co_return std::nullopt;
  version = parser.get().version();
  keep_alive = parser.keep_alive();
  co_return to_request(parser.release());
}

Task<AfterWrite> Server::State::write(Connection& connection, Response response, unsigned version, bool keep_alive) {
  bhttp::response<bhttp::string_body> message = to_message(std::move(response), version, keep_alive);
  connection.stream.expires_after(settings.transfer_timeout);
  auto [error, bytes] = co_await bhttp::async_write(connection.stream, message, kAwait);
  if (error) co_return AfterWrite::failed;
  co_return keep_alive ? AfterWrite::keep : AfterWrite::close;
}

/// Answers without having read the request; then reads what the client is still sending, or it would see a reset
/// connection instead of the answer.
Task<void> Server::State::reject(Connection& connection, Response response) {
  if (co_await write(connection, std::move(response), 11, false) == AfterWrite::failed) co_return;
  boost::system::error_code ignored;
  connection.stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  connection.buffer.clear();
  std::size_t drained = 0;
  std::string scrap(64 * 1024, '\0');
  connection.stream.expires_after(settings.transfer_timeout);
  while (drained < kMaxDrained) {
    auto [error, bytes] = co_await connection.stream.async_read_some(asio::buffer(scrap), kAwait);
    if (error) co_return;
    drained += bytes;
  }
}

}  // namespace instainfer::http
