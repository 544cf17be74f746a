// What a hostile function can take away from functions in other containers. Only the oci backend limits this.
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "two_functions.hpp"

namespace instainfer::container::testing {
namespace {

class Limits : public TwoFunctions {
 protected:
  Limits() { settings_.pids_limit = 64; }

  void SetUp() override {
    TwoFunctions::SetUp();
    if (IsSkipped()) return;
    victim_ = create("wsk0_1_victim");
    init(*victim_, "victim", kVictimUid, victim_code());
    attacker_ = create("wsk0_2_attacker");
  }
  void TearDown() override {
    if (!victim_) return;
    expect_right_answer(*victim_);
    destroy(*attacker_);
    destroy(*victim_);
  }
  Container::Exchange attack(const std::string& code) {
    init(*attacker_, "attacker", kAttackerUid, code);
    return run(*attacker_, "attacker", Json::object());
  }

  std::unique_ptr<Container> victim_, attacker_;
};
INSTANTIATE_TEST_SUITE_P(Backends, Limits, ::testing::Values("oci"), [](const auto& info) { return info.param; });

TEST_P(Limits, FillingTheDiskEndsAtTheContainersOwnSize) {
  settings_.tmp_size = Bytes{32LL << 20};
  factory_ = make_factory(settings_);
  auto small = create("wsk0_3_small");
  init(*small, "attacker", kAttackerUid + 5, R"(
import errno, os
def fill(place):
    written = 0
    try:
        with open(os.path.join(place, "fill"), "wb", 0) as file:
            while written < 1 << 30:
                written += file.write(b"x" * (1 << 20))
        return "never full"
    except OSError as error:
        return [errno.errorcode[error.errno], written <= 32 << 20]
    finally:
        if os.path.exists(os.path.join(place, "fill")):
            os.unlink(os.path.join(place, "fill"))
def main(args):
    return {place: fill(place) for place in ("/tmp", "/var/tmp", "/dev/shm", ".")}
)");
  const auto exchange = run(*small, "attacker", Json::object());
  const Json full = {"ENOSPC", true};
  EXPECT_EQ(Json::parse(exchange.answer.body, nullptr, false),
            Json({{"/tmp", full}, {"/var/tmp", full}, {"/dev/shm", full}, {".", full}}))
      << exchange.answer.body;
  destroy(*small);
}

TEST_P(Limits, FillingTheDiskWithSmallFilesEnds) {
  const auto exchange = attack(R"(
import errno
def main(args):
    try:
        for number in range(200000):
            open(f"/tmp/{number}", "w").close()
    except OSError as error:
        return {"ended": errno.errorcode[error.errno]}
    return {"ended": "never"}
)");
  EXPECT_EQ(exchange.answer.body, R"({"ended": "ENOSPC"})");
}

TEST_P(Limits, FillingTheMemoryIsEndedInItsOwnContainer) {
  const auto exchange = attack(R"(
def main(args):
    hoard = []
    for _ in range(4096):
        hoard.append(bytearray(b"x") * (8 << 20))
    return {"hoarded": len(hoard)}
)");
  EXPECT_THAT(exchange.answer.body, ::testing::Not(::testing::HasSubstr("hoarded")));
  EXPECT_NE(exchange.answer.http_status, 200);
}

TEST_P(Limits, FillingTheMemoryByManyProcessesIsEndedInItsOwnContainer) {
  const auto exchange = attack(R"(
import os
def main(args):
    children = []
    for _ in range(16):
        pid = os.fork()
        if pid == 0:
            hoard = bytearray(b"x") * (100 << 20)
            os._exit(0 if len(hoard) else 1)
        children.append(pid)
    return {"unharmed": sum(os.waitpid(pid, 0)[1] == 0 for pid in children), "held": 16}
)");
  EXPECT_THAT(exchange.answer.body, ::testing::Not(::testing::HasSubstr("\"unharmed\": 16")));
}

TEST_P(Limits, AForkBombEndsAtTheContainersLimit) {
  const auto exchange = attack(R"(
import os, time
def main(args):
    made = 0
    try:
        while made < 5000:
            if os.fork() == 0:
                time.sleep(600)
            made += 1
    except OSError:
        pass
    return {"made": made}
)");
  const int made = Json::parse(exchange.answer.body, nullptr, false).value("made", 5000);
  EXPECT_GT(made, 0);
  EXPECT_LT(made, 64);
}

/// Spins in `processes` processes for two seconds and tells how much CPU time they got.
std::string spinner(int processes) {
  return "processes = " + std::to_string(processes) + R"(
import os, time
def main(args):
    end = time.monotonic() + 2
    children = []
    for _ in range(processes):
        pid = os.fork()
        if pid == 0:
            while time.monotonic() < end:
                pass
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    usage = os.times()
    return {"cpu": usage.children_user + usage.children_system}
)";
}

Task<std::pair<double, double>> run_both(Container& one, Container& other) {
  using namespace boost::asio::experimental::awaitable_operators;
  const Json first_body = {{"function", "spinner"}, {"value", Json::object()}}, second_body = first_body;
  const auto [first, second] =
      co_await (one.run(first_body, kRunLimit, kMaxBody) && other.run(second_body, kRunLimit, kMaxBody));
  const auto cpu = [](const Container::Exchange& exchange) {
    return Json::parse(exchange.answer.body, nullptr, false).value("cpu", 0.0);
  };
  co_return std::pair(cpu(first), cpu(second));
}

TEST_P(Limits, ManyProcessesDoNotStarveTheCpuOfANeighbour) {
  auto fair = create("wsk0_3_fair");
  init(*fair, "spinner", kVictimUid + 10, spinner(2));
  init(*attacker_, "spinner", kAttackerUid, spinner(16));
  const auto [fair_time, attack_time] = loop_.run(run_both(*fair, *attacker_));
  // By processes it would be 2 of 18, a ninth; by the equal shares of their containers a half.
  EXPECT_GT(fair_time / (fair_time + attack_time), 0.3) << fair_time << " s beside " << attack_time << " s";
  destroy(*fair);
}

}  // namespace
}  // namespace instainfer::container::testing
