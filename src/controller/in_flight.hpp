#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace instainfer::controller {

/// The activations that were sent to an invoker and are not acknowledged as complete. An acknowledgement that never
/// comes must not throttle its namespace for ever: each entry has a deadline, after which it no longer counts.
class InFlight {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  void begin(const std::string& activation_id, std::string ns, std::string action, TimePoint deadline);
  /// False if it was unknown, or gave up its place before.
  bool complete(const std::string& activation_id);
  /// How many of this namespace are under way at `now`.
  int count(const std::string& ns, TimePoint now);
  /// (activation id, qualified action name) of all of them at `now`.
  std::vector<std::pair<std::string, std::string>> list(TimePoint now);

 private:
  struct Entry {
    std::string ns;
    std::string action;
    TimePoint deadline;
  };
  void expire(TimePoint now);
  void erase(std::map<std::string, Entry>::iterator entry);

  std::map<std::string, Entry> entries_;
  std::multimap<TimePoint, std::string> deadlines_;
  std::map<std::string, int> per_namespace_;
};

}  // namespace instainfer::controller
