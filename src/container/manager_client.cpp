#include "manager_client.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>

#include "async_process.hpp"
#include "instainfer/base/encoding.hpp"

namespace instainfer::container {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kRetryPause = std::chrono::milliseconds(50);
constexpr std::uint32_t kMaxHeader = 64 * 1024;
constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kMaxIdleConnections = 4;
constexpr Bytes kMaxControlAnswer{4LL << 20};

using Clock = std::chrono::steady_clock;
using LocalStream = beast::basic_stream<asio::local::stream_protocol>;
using Kind = openwhisk::ContainerAnswer::Kind;

template <typename Fields>
std::int64_t number(const Fields& fields, std::string_view name) {
  const auto text = fields[beast::string_view(name.data(), name.size())];
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::max<std::int64_t>(value, 0);
}

/// The codes of the manager's statuses. 502 is the function's own fault: calling again changes nothing.
ErrorCode code_of_status(int status) {
  switch (status) {
    case 400:
      return ErrorCode::invalid_argument;
    case 401:
      return ErrorCode::unauthorized;
    case 404:
      return ErrorCode::not_found;
    case 409:
      return ErrorCode::conflict;
    case 502:
      return ErrorCode::invalid_argument;
    default:
      return ErrorCode::internal;
  }
}

std::string describe(Kind kind) {
  if (kind == Kind::timed_out) return "the manager did not answer in time";
  if (kind == Kind::connection_error) return "the manager closed the connection or does not listen";
  return "the manager's answer has no Content-Length";
}

}  // namespace

struct ManagerClient::Connection {
  explicit Connection(const asio::any_io_executor& executor) : stream(executor) {}

  /// Idle connections have nothing to say: readable means closed, or a stray answer; both are of no use.
  bool is_usable() {
    char byte = 0;
    return ::recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

  LocalStream stream;
  beast::flat_buffer buffer;
};

struct ManagerClient::Call {
  std::string method, target, body;
  Clock::time_point deadline;
  Bytes max_body;
};

struct ManagerClient::Reply {
  openwhisk::ContainerAnswer answer;
  Duration load{}, handoff{}, run{};
  Bytes memory;
  bool refused = false;     ///< nobody listens
  bool keep_alive = false;  ///< the connection can serve another call

  static Reply of(Kind kind) {
    Reply reply;
    reply.answer.kind = kind;
    return reply;
  }
  static Reply failed(const beast::error_code& error) {
    return of(error == beast::error::timeout ? Kind::timed_out : Kind::connection_error);
  }
};

ManagerClient::ManagerClient(std::filesystem::path socket, std::string token)
    : socket_(std::move(socket)), token_(std::move(token)) {
}

ManagerClient::~ManagerClient() = default;

void ManagerClient::close() {
  idle_.clear();
}

std::unique_ptr<ManagerClient::Connection> ManagerClient::take_idle_connection() {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->is_usable()) return connection;
  }
  return nullptr;
}

Task<ManagerClient::Reply> ManagerClient::perform(Call call) {
  auto connection = take_idle_connection();
  if (!connection) {
    connection = std::make_unique<Connection>(co_await asio::this_coro::executor);
    // Through a descriptor of its directory, because a socket's whole path may be longer than sun_path's 107
    // characters.
    const UniqueFd directory(::open(socket_.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + socket_.filename().string();
    connection->stream.expires_at(call.deadline);
    const asio::local::stream_protocol::endpoint endpoint(path);
    const auto [error] = co_await connection->stream.async_connect(endpoint, use_tuple);
    if (error) {
      auto reply = Reply::failed(error);
      reply.refused =
          error == boost::system::errc::connection_refused || error == boost::system::errc::no_such_file_or_directory;
      co_return reply;
    }
  }
  auto reply = co_await perform_on(*connection, std::move(call));
  if (reply.keep_alive && idle_.size() < kMaxIdleConnections) idle_.push_back(std::move(connection));
  co_return reply;
}

Task<ManagerClient::Reply> ManagerClient::perform_on(Connection& connection, Call call) {
  auto& stream = connection.stream;
  stream.expires_at(call.deadline);
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(call.method);
  request.target(call.target);
  request.set(http::field::host, "localhost");
  request.set(http::field::authorization, "Bearer " + token_);
  request.set(http::field::content_type, "application/json");
  request.body() = std::move(call.body);
  request.prepare_payload();
  const auto [write_error, written] = co_await http::async_write(stream, request, use_tuple);
  if (write_error) co_return Reply::failed(write_error);

  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  parser.header_limit(kMaxHeader);
  const auto [header_error, header_size] =
      co_await http::async_read_header(stream, connection.buffer, parser, use_tuple);
  if (header_error) co_return Reply::failed(header_error);
  const auto length = parser.content_length();
  if (!length || parser.chunked()) co_return Reply::of(Kind::no_response);

  auto reply = Reply::of(Kind::answered);
  reply.answer.http_status = static_cast<int>(parser.get().result_int());
  reply.answer.max_length = call.max_body.count;
  if (*length > static_cast<std::uint64_t>(call.max_body.count)) {
    reply.answer.oversized_length = static_cast<std::int64_t>(*length);
  }
  const auto& fields = parser.get().base();
  reply.load = std::chrono::microseconds(number(fields, runtime::kLoadMicrosHeader));
  reply.handoff = std::chrono::microseconds(number(fields, runtime::kHandoffMicrosHeader));
  reply.run = std::chrono::microseconds(number(fields, runtime::kRunMicrosHeader));
  reply.memory = Bytes{number(fields, runtime::kMemoryHeader)};

  std::vector<char> chunk(kChunk);
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = chunk.data();
    body.size = chunk.size();
    const auto [error, count] = co_await http::async_read(stream, connection.buffer, parser, use_tuple);
    if (error && error != http::error::need_buffer) co_return Reply::failed(error);
    const std::size_t got = chunk.size() - body.size;
    const std::size_t room = static_cast<std::size_t>(call.max_body.count) - reply.answer.body.size();
    reply.answer.body.append(chunk.data(), std::min(got, room));
  }
  reply.keep_alive = parser.keep_alive();
  reply.answer.body = to_valid_utf8(reply.answer.body);
  co_return reply;
}

Task<Container::Exchange> ManagerClient::exchange(std::string target, nlohmann::json body, Duration limit,
                                                  Bytes max_body, WhenRefused when_refused) {
  const auto start = Clock::now();
  Call call;
  call.method = "POST";
  call.target = std::move(target);
  call.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  call.deadline = start + limit;
  call.max_body = Bytes{std::max<std::int64_t>(max_body.count, 0)};
  Reply reply;
  while (true) {
    Call attempt = call;
    reply = co_await perform(std::move(attempt));
    if (!reply.refused || when_refused == WhenRefused::give_up) break;
    if (Clock::now() + kRetryPause >= call.deadline) {
      reply = Reply::of(Kind::timed_out);
      break;
    }
    co_await sleep_for(kRetryPause);
  }
  Container::Exchange exchange;
  exchange.answer = std::move(reply.answer);
  exchange.took = Clock::now() - start;
  exchange.load = reply.load;
  exchange.handoff = reply.handoff;
  exchange.run = reply.run;
  exchange.memory = reply.memory;
  co_return exchange;
}

Task<Result<nlohmann::json>> ManagerClient::control(std::string method, std::string target, nlohmann::json body,
                                                    Duration limit) {
  Call call;
  call.method = std::move(method);
  call.target = target;
  if (!body.is_null()) call.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  call.deadline = Clock::now() + limit;
  call.max_body = kMaxControlAnswer;
  const auto reply = co_await perform(std::move(call));
  const auto& answer = reply.answer;
  if (answer.kind != Kind::answered) {
    const auto code = answer.kind == Kind::timed_out ? ErrorCode::timed_out : ErrorCode::unavailable;
    co_return fail(code, target + ": " + describe(answer.kind));
  }
  auto json = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.http_status == 200 && !json.is_discarded()) co_return json;
  std::string sentence = "status " + std::to_string(answer.http_status);
  if (json.is_object() && json.contains("error") && json["error"].is_string())
    sentence = json["error"].get<std::string>();
  co_return fail(code_of_status(answer.http_status), target + ": " + sentence);
}

}  // namespace instainfer::container
