#include "closed_loop.hpp"

#include <algorithm>
#include <cmath>
#include <queue>
#include <random>
#include <stdexcept>

namespace instainfer::testing {
namespace {

using namespace std::chrono_literals;
using namespace core;

constexpr Duration kRemove = 100ms;
constexpr Duration kSwitch = 8ms;
constexpr Duration kExecution = 245ms;
constexpr Duration kFreeze = 10ms;
constexpr Duration kWipe = 5ms;
constexpr Bytes kManager = mebibytes(30);
constexpr Bytes kContainer = mebibytes(2047);

struct Model {
  Duration load;
  Bytes bytes;
};
/// policies.md, section 1: loading time and preloaded size of the paper's models.
constexpr Model kModels[] = {{210ms, mebibytes(649)},   {486ms, mebibytes(907)},   {1180ms, mebibytes(1348)},
                             {671ms, mebibytes(923)},   {2410ms, mebibytes(1648)}, {2281ms, mebibytes(957)},
                             {1351ms, mebibytes(1027)}, {2078ms, mebibytes(1333)}};

std::vector<TimePoint> arrivals_of(ArrivalClass arrivals, double gap, double length, std::mt19937_64& random) {
  std::uniform_real_distribution<> uniform(0, 1);
  std::vector<TimePoint> times;
  double t = gap * uniform(random);
  int left_in_burst = 0;
  while (t < length) {
    times.push_back(TimePoint{from_seconds(t)});
    switch (arrivals) {
      case ArrivalClass::predictable: {  // Gamma renewal, CoV 0.5
        constexpr double kShape = 4;
        t += std::gamma_distribution<>(kShape, gap / kShape)(random);
        break;
      }
      case ArrivalClass::normal: {  // balanced hyper-exponential, CoV 2
        const double p = 0.5 * (1 + std::sqrt(3.0 / 5.0));
        const double rate = uniform(random) < p ? 2 * p / gap : 2 * (1 - p) / gap;
        t += std::exponential_distribution<>(rate)(random);
        break;
      }
      case ArrivalClass::bursty: {  // geometric bursts of mean 8 at ten times the rate, long gaps between them
        if (left_in_burst == 0) left_in_burst = 1 + std::geometric_distribution<>(1.0 / 8)(random);
        --left_in_burst;
        const double next = left_in_burst > 0 ? gap / 10 : gap * 8;
        t += std::exponential_distribution<>(1 / next)(random);
        break;
      }
    }
  }
  return times;
}

class Loop {
 public:
  Loop(const NodeSettings& settings, const Workload& workload) : workload_(workload) {
    auto made = Node::make(settings);
    if (!made) throw std::invalid_argument(made.error().message);
    node_ = std::move(*made);
  }

  LoopResult run() {
    carry_out(node_->start(now_));
    for (const LoopFunction& f : workload_.functions) {
      functions_[f.id] = f;
      FunctionSpec spec{.ns = f.ns,
                        .kind = {1},
                        .memory_limit = kContainer,
                        .preloadable = true,
                        .model_file = Bytes{f.bytes.count * 10 / 13}};
      carry_out(node_->handle(now_, FunctionAdded{f.id, spec, std::nullopt}));
    }
    std::size_t next_call = 0;
    while (step(next_call)) {
    }
    for (const auto& [id, since] : alive_) result_.container_seconds += seconds(TimePoint{workload_.length} - since);
    for (const auto& [ns, sum] : loading_) result_.mean_loading[ns] = sum / std::max(1.0, calls_[ns]);
    result_.counters = node_->counters();
    result_.containers_created = static_cast<double>(result_.counters.containers_created);
    return result_;
  }

 private:
  struct Scheduled {
    TimePoint at;
    std::uint64_t order;
    Event event;
    std::uint64_t load = 0;  ///< of a load's outcome: void unless the load still goes on
    bool operator>(const Scheduled& o) const { return std::pair(at, order) > std::pair(o.at, o.order); }
  };
  struct Load {
    std::uint64_t number;
    TimePoint ready_at;
  };

  /// Handles the earliest of: a scheduled event, a call, the node's own wish. False when the time is over.
  bool step(std::size_t& next_call) {
    const TimePoint end{workload_.length};
    TimePoint at = end;
    const auto wake = node_->wake();
    if (wake) at = std::min(at, *wake);
    if (!future_.empty()) at = std::min(at, future_.top().at);
    const bool call_first = next_call < workload_.calls.size() && workload_.calls[next_call].at <= at;
    if (call_first) at = workload_.calls[next_call].at;
    if (at >= end) return false;
    if (at == now_ && ++same_time_ > 10000) throw std::runtime_error("the node never comes to rest");
    if (at != now_) same_time_ = 0;
    now_ = std::max(now_, at);

    if (call_first) {
      arrive(workload_.calls[next_call++]);
    } else if (!future_.empty() && future_.top().at <= at) {
      const Scheduled due = future_.top();
      future_.pop();
      deliver(due);
    } else {
      carry_out(node_->handle(now_, Wake{}));
    }
    return true;
  }

  void arrive(const LoopCall& call) {
    const ActivationKey key{++result_.calls};
    arrived_[key] = now_;
    carry_out(node_->handle(now_, ActivationArrived{key, call.function}));
  }

  void deliver(const Scheduled& due) {
    if (due.load != 0) {
      const auto& ready = std::get<PreloadReady>(due.event);
      const auto it = loads_.find({ready.container, ready.function});
      if (it == loads_.end() || it->second.number != due.load) return;
      loads_.erase(it);
    }
    if (const auto* removed = std::get_if<ContainerRemoved>(&due.event)) {
      result_.container_seconds += seconds(now_ - alive_.at(removed->container));
      alive_.erase(removed->container);
    }
    if (std::holds_alternative<ActivationFinished>(due.event)) ++result_.answered;
    carry_out(node_->handle(now_, due.event));
  }

  void later(Duration d, Event event, std::uint64_t load = 0) {
    future_.push({now_ + d, ++order_, std::move(event), load});
  }

  void carry_out(const Commands& commands) {
    for (const Command& command : commands) {
      std::visit([this](const auto& c) { on(c); }, command);
    }
  }

  void on(const CreateContainer& c) {
    alive_[c.container] = now_;
    later(workload_.create, ContainerCreated{c.container, kManager});
  }
  void on(const RemoveContainer& c) {
    std::erase_if(loads_, [&](const auto& entry) { return entry.first.first == c.container; });
    later(kRemove, ContainerRemoved{c.container});
  }
  void on(const PauseContainer& c) { later(kFreeze, ContainerPaused{c.container}); }
  void on(const ResumeContainer& c) { later(kFreeze, ContainerResumed{c.container}); }
  void on(const PreloadFunction& c) {
    const LoopFunction& f = functions_.at(c.function);
    const std::uint64_t number = ++order_;
    loads_[{c.container, c.function}] = {number, now_ + f.load};
    later(f.load, PreloadReady{c.container, c.function, c.level, f.load, f.bytes}, number);
  }
  void on(const OffloadFunction& c) {
    loads_.erase({c.container, c.function});
    if (!c.by_promotion) later(kWipe, Offloaded{c.container, c.function});
  }
  void on(const StartActivation& c) {
    const LoopFunction& f = functions_.at(c.function);
    Duration delay = c.resume_first ? kFreeze : Duration{};
    std::optional<Duration> load_took;
    if (c.init) {
      delay += f.load;
      load_took = f.load;
    }
    if (c.start == StartType::preloaded) delay += kSwitch;
    if (const auto it = loads_.find({c.container, c.function}); it != loads_.end()) {
      delay += it->second.ready_at - now_ + kSwitch;
      load_took = f.load;
      loads_.erase(it);
    }
    const double loading = seconds(now_ + delay - arrived_.at(c.activation) - c.waited_for_memory);
    result_.loading_seconds += loading;
    result_.wait_seconds += seconds(c.waited_for_memory);
    loading_[f.ns] += loading;
    ++calls_[f.ns];
    later(delay, ActivationStarted{c.activation, c.container, load_took, load_took ? f.bytes : Bytes{}});
    later(delay + kExecution, ActivationFinished{c.activation, c.container, true, kExecution, f.bytes + kManager});
  }
  void on(const RejectActivation& c) { throw std::runtime_error("a call was rejected: " + c.why); }
  void on(const Solve& c) { later(50ms, Solved{c.version, std::make_shared<const Plan>(core::solve(*c.problem))}); }

  const Workload& workload_;
  std::unique_ptr<Node> node_;
  TimePoint now_{};
  std::priority_queue<Scheduled, std::vector<Scheduled>, std::greater<>> future_;
  std::uint64_t order_ = 0;
  int same_time_ = 0;
  std::map<FunctionId, LoopFunction> functions_;
  std::map<ActivationKey, TimePoint> arrived_;
  std::map<ContainerId, TimePoint> alive_;
  std::map<std::pair<ContainerId, FunctionId>, Load> loads_;
  std::map<NamespaceId, double> loading_;
  std::map<NamespaceId, double> calls_;
  LoopResult result_;
};

}  // namespace

std::string to_string(ArrivalClass arrivals) {
  switch (arrivals) {
    case ArrivalClass::predictable:
      return "predictable";
    case ArrivalClass::normal:
      return "normal";
    case ArrivalClass::bursty:
      return "bursty";
  }
  return "unknown";
}

Workload make_workload(std::uint64_t seed, ArrivalClass arrivals, Duration length) {
  constexpr double kShortest = 6;
  constexpr double kLongest = 600;
  constexpr std::uint32_t kModelsOf[] = {8, 8, 2};
  Workload workload{.length = length};
  std::uint32_t id = 0;
  for (std::uint32_t ns = 0; ns < 3; ++ns) {
    for (std::uint32_t m = 0; m < kModelsOf[ns]; ++m, ++id) {
      std::seed_seq sequence{seed, static_cast<std::uint64_t>(arrivals), static_cast<std::uint64_t>(id)};
      std::mt19937_64 random(sequence);
      const double share = std::uniform_real_distribution<>(0, 1)(random);
      const double gap = kShortest * std::pow(kLongest / kShortest, share);
      const Model& model = kModels[ns == 2 ? 5 + m : m];
      workload.functions.push_back({{id}, {ns}, model.load, model.bytes, from_seconds(gap)});
      for (const TimePoint at : arrivals_of(arrivals, gap, seconds(length), random)) {
        workload.calls.push_back({at, {id}});
      }
    }
  }
  std::ranges::sort(workload.calls, {}, [](const LoopCall& c) { return std::pair(c.at, c.function); });
  return workload;
}

LoopResult run_closed_loop(const NodeSettings& settings, const Workload& workload) {
  return Loop(settings, workload).run();
}

}  // namespace instainfer::testing
