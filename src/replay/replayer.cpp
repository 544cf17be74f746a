#include "replayer.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <nlohmann/json.hpp>

namespace instainfer::replay {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr auto kStatusInterval = std::chrono::milliseconds(250);
constexpr auto kProgressInterval = std::chrono::seconds(2);
constexpr auto kStatusDeadline = std::chrono::seconds(5);

class Replayer {
 public:
  Replayer(const Schedule& schedule, const std::vector<ReplayFunction>& functions, const ReplayOptions& options,
           const std::function<void(const Progress&)>& on_progress)
      : schedule_(schedule), functions_(functions), options_(options), on_progress_(on_progress), all_answered_(io_) {
    transport_ = options.via == ReplayOptions::Via::rest
                     ? make_rest_transport(io_.get_executor(), options.api)
                     : make_wsk_transport(io_.get_executor(), options.api, options.wsk_program);
    if (options.admin) admin_ = std::make_unique<HttpClient>(io_.get_executor(), *options.admin);
    result_.invocations.resize(schedule.calls.size());
    progress_.calls = schedule.calls.size();
  }

  Result<ReplayResult> run() {
    Result<void> outcome;
    spawn(conduct(outcome));
    io_.run();
    if (failure_) std::rethrow_exception(failure_);
    if (!outcome) return fail(outcome.error());
    return std::move(result_);
  }

 private:
  /// Starts a coroutine that run() waits for: the loop ends when the last of them has.
  void spawn(Task<void> task) {
    asio::co_spawn(io_, std::move(task), [this](const std::exception_ptr& failure) {
      if (!failure) return;
      failure_ = failure;
      io_.stop();
    });
  }

  [[nodiscard]] double elapsed_s() const { return seconds(Clock::now() - start_); }
  [[nodiscard]] Clock::time_point moment(Duration at) const {
    return start_ + std::chrono::duration_cast<Clock::duration>(from_seconds(seconds(at) / options_.speed));
  }

  Task<void> conduct(Result<void>& outcome) {
    std::optional<NodeUsage> before;
    if (admin_) {
      auto usage = co_await sample();
      if (!usage) {
        outcome = fail(usage.error());
        co_return;
      }
      before = *usage;
    }
    start_ = Clock::now();
    if (admin_) spawn(watch_node());
    spawn(report_progress());
    co_await send_all();
    co_await finish_trace();
    over_ = true;
    status_timer_.cancel();
    progress_timer_.cancel();
    result_.duration_s = elapsed_s();
    if (before) {
      auto after = co_await sample();
      if (!after) {
        outcome = fail(after.error());
        co_return;
      }
      result_.usage = NodeUsage{.containers_created = after->containers_created - before->containers_created,
                                .container_seconds = after->container_seconds - before->container_seconds,
                                .wasted_byte_seconds = after->wasted_byte_seconds - before->wasted_byte_seconds,
                                .peak_bytes = after->peak_bytes};
    }
    tell_progress();
  }

  Task<void> send_all() {
    asio::steady_timer timer(io_);
    for (std::size_t i = 0; i < schedule_.calls.size(); ++i) {
      timer.expires_at(moment(schedule_.calls[i].at));
      co_await timer.async_wait(kAwait);
      ++progress_.sent;
      spawn(invoke(i));
    }
  }

  /// Waits for the last answer and for the end of the trace, so that runs are measured over the same time.
  Task<void> finish_trace() {
    asio::steady_timer end(io_, moment(schedule_.length));
    co_await end.async_wait(kAwait);
    while (progress_.answered < progress_.calls) {
      all_answered_.expires_after(options_.invocation_deadline);
      co_await all_answered_.async_wait(kAwait);
    }
  }

  Task<void> invoke(std::size_t index) {
    const auto& call = schedule_.calls[index];
    const auto& function = functions_[call.function];
    auto& invocation = result_.invocations[index];
    invocation.function = function.action;
    invocation.model = function.model;
    invocation.scheduled_ms = seconds(call.at) / options_.speed * 1e3;
    const auto sent = Clock::now();
    invocation.sent_ms = milliseconds(sent - start_);
    const auto answer = co_await transport_->invoke(function.action, function.parameters, function.parameters_file,
                                                    options_.invocation_deadline);
    invocation.end_to_end_ms = milliseconds(Clock::now() - sent);
    judge(answer, function, invocation);
    if (!invocation.succeeded()) ++progress_.failed;
    if (++progress_.answered == progress_.calls) all_answered_.cancel();
  }

  static void judge(const Result<std::string>& answer, const ReplayFunction& function, Invocation& invocation) {
    invocation.status = "no answer";
    if (!answer) {
      invocation.error = answer.error().message;
      return;
    }
    const auto record = nlohmann::json::parse(*answer, nullptr, false);
    if (const auto read = read_activation(record, invocation); !read) {
      invocation.error = read.error().message;
      return;
    }
    if (!function.reference || !invocation.succeeded()) return;
    const auto comparison = compare(*function.reference, record["response"].value("result", nlohmann::json()));
    invocation.equals_reference = comparison && comparison->equal;
    if (comparison) invocation.largest_difference = comparison->largest_difference;
    if (!comparison) invocation.error = comparison.error().message;
  }

  Task<Result<NodeUsage>> sample() {
    HttpRequest request{.method = HttpRequest::Method::get, .target = "/status", .authorization = {}, .body = {}};
    auto answer = co_await admin_->request(std::move(request), kStatusDeadline);
    if (!answer) co_return fail(answer.error());
    const auto status = nlohmann::json::parse(answer->body, nullptr, false);
    if (!status.is_object()) {
      co_return fail(ErrorCode::unavailable, "the admin port's /status answered with status " +
                                                 std::to_string(answer->status) + " and no JSON object");
    }
    if (start_ != Clock::time_point{}) {
      auto rows = timeline_rows(status, elapsed_s());
      std::ranges::move(rows, std::back_inserter(result_.timeline));
    }
    co_return node_usage(status);
  }

  Task<void> watch_node() {
    for (auto next = start_; !over_; next += kStatusInterval) {
      status_timer_.expires_at(next);
      co_await status_timer_.async_wait(kAwait);
      // A lost sample is a gap in the plots, nothing more; the two that count are taken in conduct().
      if (!over_) [[maybe_unused]]
        auto lost = co_await sample();
    }
  }

  Task<void> report_progress() {
    while (!over_) {
      tell_progress();
      progress_timer_.expires_after(kProgressInterval);
      co_await progress_timer_.async_wait(kAwait);
    }
  }

  void tell_progress() {
    progress_.elapsed_s = elapsed_s();
    progress_.remaining_s = std::max(0.0, seconds(schedule_.length) / options_.speed - progress_.elapsed_s);
    on_progress_(progress_);
  }

  const Schedule& schedule_;
  const std::vector<ReplayFunction>& functions_;
  const ReplayOptions& options_;
  const std::function<void(const Progress&)>& on_progress_;
  asio::io_context io_{1};
  asio::steady_timer all_answered_;
  asio::steady_timer status_timer_{io_};
  asio::steady_timer progress_timer_{io_};
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<HttpClient> admin_;
  Clock::time_point start_{};
  bool over_ = false;
  Progress progress_;
  ReplayResult result_;
  std::exception_ptr failure_;
};

}  // namespace

Result<ReplayResult> replay(const Schedule& schedule, const std::vector<ReplayFunction>& functions,
                            const ReplayOptions& options, const std::function<void(const Progress&)>& on_progress) {
  Replayer replayer(schedule, functions, options, on_progress);
  return replayer.run();
}

}  // namespace instainfer::replay
