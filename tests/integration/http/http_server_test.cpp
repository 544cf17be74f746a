#include "instainfer/http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "raw_client.hpp"

namespace instainfer::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// Answers method, target and body; "/slow" after a second.
Task<Response> echo(Request request) {
  if (request.target == "/slow") {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1s);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  co_return Response{200, "text/plain", {}, request.method + " " + request.target + " " + request.body};
}

ServerSettings small() {
  ServerSettings settings;
  settings.max_body = Bytes{1000};
  return settings;
}

/// A server on a thread of its own.
class Running {
 public:
  explicit Running(ServerSettings settings = small()) : server_(io_.get_executor(), std::move(settings), echo) {
    const auto started = server_.start();
    if (!started) throw std::runtime_error(started.error().message);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Running() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::co_spawn(io_, server_.stop(), boost::asio::use_future).get();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] RawClient connect() const { return RawClient(port()); }

 private:
  boost::asio::io_context io_{1};
  Server server_;
  std::thread thread_;
};

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

TEST(HttpServer, ServesSeveralRequestsOnOneConnection) {
  Running server;
  RawClient client = server.connect();
  client.send(get("/a"));
  EXPECT_THAT(client.receive(), EndsWith("GET /a "));
  client.send("POST /b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(client.receive(), EndsWith("POST /b?c=d body"));
}

TEST(HttpServer, ServesPipelinedRequestsInOrder) {
  Running server;
  RawClient client = server.connect();
  client.send(get("/1") + get("/2"));
  EXPECT_THAT(client.receive(), EndsWith("GET /1 "));
  EXPECT_THAT(client.receive(), EndsWith("GET /2 "));
}

TEST(HttpServer, ReadsChunkedBodies) {
  Running server;
  RawClient client = server.connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_THAT(client.receive(), EndsWith("POST / abcde"));
}

TEST(HttpServer, SendsContinueToThoseWhoWaitForIt) {
  Running server;
  RawClient client = server.connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 100"));
  client.send("ok");
  EXPECT_THAT(client.receive(), EndsWith("POST / ok"));
}

TEST(HttpServer, ClosesWhenAsked) {
  Running server;
  RawClient client = server.connect();
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.receive(), HasSubstr("Connection: close"));
  EXPECT_TRUE(client.sees_end());
}

TEST(HttpServer, RefusesBodiesOverTheLimitInPlainTextWhileTheClientStillSends) {
  Running server;
  RawClient client = server.connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n");
  client.send(std::string(4000000, 'x'));
  const std::string response = client.receive();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(response, HasSubstr("Content-Type: text/plain"));
  EXPECT_THAT(response, EndsWith("The request content is larger than the server is willing or able to process."));
  EXPECT_TRUE(client.sees_end());
}

TEST(HttpServer, RefusesChunkedBodiesOverTheLimit) {
  Running server;
  RawClient client = server.connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x') +
              "\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 413"));
}

TEST(HttpServer, RefusesWhatIsNoHttpAndServesOthersAfterwards) {
  Running server;
  RawClient rude = server.connect();
  rude.send("\x16\x03\x01 hello\r\n\r\n");
  EXPECT_THAT(rude.receive(), StartsWith("HTTP/1.1 400"));
  RawClient long_uri = server.connect();
  long_uri.send(get("/" + std::string(9000, 'a')));
  EXPECT_THAT(long_uri.receive(), StartsWith("HTTP/1.1 414"));
  RawClient long_header = server.connect();
  long_header.send("GET / HTTP/1.1\r\nX: " + std::string(40000, 'a') + "\r\n\r\n");
  EXPECT_THAT(long_header.receive(), StartsWith("HTTP/1.1 431"));
  RawClient client = server.connect();
  client.send(get("/a"));
  EXPECT_THAT(client.receive(), EndsWith("GET /a "));
}

TEST(HttpServer, ClosesConnectionsThatStayIdle) {
  ServerSettings settings = small();
  settings.idle_timeout = 1s;
  Running server(settings);
  RawClient client = server.connect();
  client.send("GET / HT");
  EXPECT_TRUE(client.sees_end());
}

TEST(HttpServer, ClosesConnectionsThatNeverFinishTheirRequest) {
  ServerSettings settings = small();
  settings.transfer_timeout = 1s;
  Running server(settings);
  RawClient client = server.connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(client.sees_end());
}

TEST(HttpServer, TakesNoMoreConnectionsThanAllowedAtOnce) {
  ServerSettings settings = small();
  settings.max_connections = 1;
  settings.idle_timeout = 2s;
  Running server(settings);
  RawClient first = server.connect();
  first.send(get("/first"));
  EXPECT_THAT(first.receive(), EndsWith("GET /first "));
  RawClient second = server.connect();
  second.send(get("/second"));
  EXPECT_TRUE(first.sees_end());  // idle: it makes room
  EXPECT_THAT(second.receive(), EndsWith("GET /second "));
}

TEST(HttpServer, StopClosesIdleConnectionsAndFinishesRunningRequests) {
  Running server;
  RawClient idle = server.connect();
  idle.send(get("/a"));
  idle.receive();
  RawClient busy = server.connect();
  busy.send(get("/slow"));
  RawClient after = server.connect();  // once it is answered, the server has read /slow as well
  after.send(get("/b"));
  after.receive();
  server.stop();
  EXPECT_TRUE(idle.sees_end());
  const std::string response = busy.receive();
  EXPECT_THAT(response, EndsWith("GET /slow "));
  EXPECT_THAT(response, HasSubstr("Connection: close"));
  EXPECT_TRUE(busy.sees_end());
}

TEST(HttpServer, SaysWhichPortIsTaken) {
  Running first;
  boost::asio::io_context io;
  ServerSettings settings = small();
  settings.port = first.port();
  Server second(io.get_executor(), settings, echo);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("127.0.0.1:" + std::to_string(first.port()) + ": the port is taken"));
}

TEST(HttpServer, RefusesAnAddressThatIsNone) {
  boost::asio::io_context io;
  ServerSettings settings = small();
  settings.bind = "localhost.example";
  Server server(io.get_executor(), settings, echo);
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace instainfer::http
