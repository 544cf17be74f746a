#include "in_flight.hpp"

#include <algorithm>

namespace instainfer::controller {

void InFlight::begin(const std::string& activation_id, std::string ns, std::string action, TimePoint deadline) {
  ++per_namespace_[ns];
  entries_.emplace(activation_id, Entry{std::move(ns), std::move(action), deadline});
  deadlines_.emplace(deadline, activation_id);
}

bool InFlight::complete(const std::string& activation_id) {
  const auto entry = entries_.find(activation_id);
  if (entry == entries_.end()) return false;
  const auto [first, last] = deadlines_.equal_range(entry->second.deadline);
  const auto deadline = std::find_if(first, last, [&](const auto& pair) { return pair.second == activation_id; });
  deadlines_.erase(deadline);
  erase(entry);
  return true;
}

int InFlight::count(const std::string& ns, TimePoint now) {
  expire(now);
  const auto found = per_namespace_.find(ns);
  return found == per_namespace_.end() ? 0 : found->second;
}

std::vector<std::pair<std::string, std::string>> InFlight::list(TimePoint now) {
  expire(now);
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [id, entry] : entries_) all.emplace_back(id, entry.action);
  return all;
}

void InFlight::expire(TimePoint now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    erase(entries_.find(deadlines_.begin()->second));
    deadlines_.erase(deadlines_.begin());
  }
}

void InFlight::erase(std::map<std::string, Entry>::iterator entry) {
  const auto count = per_namespace_.find(entry->second.ns);
  if (--count->second == 0) per_namespace_.erase(count);
  entries_.erase(entry);
}

}  // namespace instainfer::controller
