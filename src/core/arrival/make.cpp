#include <string>

#include "arrival/gamma_poisson.hpp"
#include "arrival/window_poisson.hpp"

namespace instainfer::core {

namespace {

Result<void> check(const ArrivalSettings& s) {
  const auto wrong = [](std::string what) { return fail(ErrorCode::invalid_argument, "arrival model: " + what); };
  if (s.window < 2) return wrong("the window must hold at least 2 arrivals, not " + std::to_string(s.window));
  // Written so that a NaN is refused as well.
  if (!(s.p_load >= 0 && s.p_load < s.p_offload && s.p_offload < 1))
    return wrong("need 0 <= p_load < p_offload < 1, not " + std::to_string(s.p_load) + " and " +
                 std::to_string(s.p_offload));
  if (!(s.prior_shape > 0 && s.prior_seconds > 0)) return wrong("prior_shape and prior_seconds must be above 0");
  if (!(s.forget_per_hour > 0 && s.forget_per_hour <= 1))
    return wrong("forget_per_hour must be above 0 and at most 1, not " + std::to_string(s.forget_per_hour));
  return {};
}

}  // namespace

Result<std::unique_ptr<ArrivalModel>> make_arrival_model(std::string_view name, const ArrivalSettings& settings) {
  if (const auto good = check(settings); !good) return fail(good.error());
  if (name == "window-poisson") return std::make_unique<WindowPoisson>(settings);
  if (name == "gamma-poisson") return std::make_unique<GammaPoisson>(settings);
  return fail(ErrorCode::invalid_argument,
              "unknown arrival model \"" + std::string(name) + "\"; known: window-poisson, gamma-poisson");
}

}  // namespace instainfer::core
