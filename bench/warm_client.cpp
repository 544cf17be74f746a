// Calls actions over kept-alive connections, one thread per client, and reports how long each call took from the
// request's first byte to the answer's last, and how much of that was not the worker's own run. Answers are kept and
// parsed only afterwards, so that the client takes as little as possible of the machine it measures.
//
//   bench_warm_client --api http://127.0.0.1:PORT --action NAME... [--clients N] [--calls N] [--warm-up N] [--body
//   JSON]
//
// Client i calls action i modulo their number. Prints one JSON object; times in milliseconds.

#include <CLI/CLI.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <iostream>
#include <latch>
#include <map>
#include <thread>

#include "instainfer/base/encoding.hpp"

namespace instainfer::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr const char* kGuest =
    "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP";

struct Options {
  std::string api;
  std::vector<std::string> actions;
  int clients = 1, calls = 1000, warm_up = 20;
  std::string body = "{}";
};

struct CallResult {
  Milliseconds end_to_end;
  unsigned status;
  std::string body;
};

/// One client: one connection, one call at a time. Throws boost::system::system_error if the server goes away.
class Client {
 public:
  Client(const Options& options, const std::string& action) : socket_(io_) {
    const std::string authority = options.api.substr(options.api.find("//") + 2);
    const std::size_t colon = authority.rfind(':');
    asio::ip::tcp::resolver resolver(io_);
    asio::connect(socket_, resolver.resolve(authority.substr(0, colon), authority.substr(colon + 1)));
    socket_.set_option(asio::ip::tcp::no_delay(true));
    request_.method(http::verb::post);
    request_.target("/api/v1/namespaces/_/actions/" + action + "?blocking=true&result=false");
    request_.version(11);
    request_.set(http::field::host, authority);
    request_.set(http::field::authorization, "Basic " + base64_encode(kGuest));
    request_.set(http::field::content_type, "application/json");
    request_.body() = options.body;
    request_.prepare_payload();
  }

  CallResult call() {
    http::response<http::string_body> response;
    const auto begin = Clock::now();
    http::write(socket_, request_);
    http::read(socket_, buffer_, response);
    const Milliseconds took = Clock::now() - begin;
    return {took, response.result_int(), std::move(response.body())};
  }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_;
};

/// median, p99 and mean; a percentile is x[ceil(p n) - 1] of the ascending values.
nlohmann::json distribution(std::vector<double> values) {
  if (values.empty()) return nullptr;
  std::ranges::sort(values);
  const auto percentile = [&](double p) {
    return values[static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size()))) - 1];
  };
  double sum = 0;
  for (const double value : values) sum += value;
  return {{"p50", percentile(0.5)}, {"p99", percentile(0.99)}, {"mean", sum / static_cast<double>(values.size())}};
}

/// What the calls were like; only warm ones that succeeded count for the times.
nlohmann::json summarise(const std::vector<std::vector<CallResult>>& per_client, Milliseconds wall) {
  std::map<std::string, int> starts;
  std::vector<double> end_to_end, run, overhead, loading;
  int failed = 0;
  for (const auto& calls : per_client) {
    for (const CallResult& call : calls) {
      const auto record = nlohmann::json::parse(call.body, nullptr, false);
      if (call.status != 200 || !record.is_object()) {
        ++failed;
        continue;
      }
      nlohmann::json annotations;
      for (const auto& pair : record["annotations"]) annotations[pair["key"].get<std::string>()] = pair["value"];
      const auto start = annotations["startupType"].get<std::string>();
      ++starts[start];
      if (start != "warm") continue;
      end_to_end.push_back(call.end_to_end.count());
      run.push_back(annotations["runTime"].get<double>());
      loading.push_back(annotations["loadTime"].get<double>());
      overhead.push_back(end_to_end.back() - run.back());
    }
  }
  const std::size_t warm = end_to_end.size();
  return {{"warm_calls", warm},
          {"failed", failed},
          {"starts", starts},
          {"calls_per_second", static_cast<double>(warm) / (wall.count() / 1000)},
          {"end_to_end_ms", distribution(std::move(end_to_end))},
          {"run_ms", distribution(std::move(run))},
          {"load_ms", distribution(std::move(loading))},
          {"overhead_ms", distribution(std::move(overhead))}};
}

nlohmann::json measure(const Options& options) {
  std::vector<std::vector<CallResult>> results(static_cast<std::size_t>(options.clients));
  std::latch warmed(options.clients + 1);
  std::vector<std::jthread> threads;
  std::atomic<bool> broken = false;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      bool counted = false;
      try {
        Client client(options, options.actions[i % options.actions.size()]);
        for (int n = 0; n < options.warm_up; ++n) client.call();
        counted = true;
        warmed.arrive_and_wait();
        for (int n = 0; n < options.calls; ++n) results[i].push_back(client.call());
      } catch (const std::exception& error) {
        if (!broken.exchange(true)) std::cerr << "bench_warm_client: " << error.what() << '\n';
        if (!counted) warmed.count_down();
      }
    });
  }
  warmed.arrive_and_wait();
  const auto begin = Clock::now();
  threads.clear();
  const Milliseconds wall = Clock::now() - begin;
  return broken ? nlohmann::json() : summarise(results, wall);
}

}  // namespace
}  // namespace instainfer::bench

int main(int argc, char** argv) {
  instainfer::bench::Options options;
  CLI::App app("Measures calls of warm functions from outside.");
  app.add_option("--api", options.api, "Base URL of the REST API")->required();
  app.add_option("--action", options.actions, "Action to call; client i calls action i modulo their number")
      ->required();
  app.add_option("--clients", options.clients, "Clients at a time")->check(CLI::Range(1, 256));
  app.add_option("--calls", options.calls, "Measured calls of each client")->check(CLI::PositiveNumber);
  app.add_option("--warm-up", options.warm_up, "Calls of each client before")->check(CLI::NonNegativeNumber);
  app.add_option("--body", options.body, "Parameters of each call, JSON");
  CLI11_PARSE(app, argc, argv);
  const auto report = instainfer::bench::measure(options);
  if (report.is_null()) return 1;
  std::cout << report.dump() << '\n';
  return 0;
}
