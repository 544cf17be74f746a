#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "instainfer/core/types.hpp"

namespace instainfer::core {

/// Activations that found no place, in order of arrival. Those at the front may be promised memory that is being freed.
///
/// The order is strict among those that need memory: nobody is promised memory before the head. An activation whose
/// function has a usable container may leave from the middle (a deviation from OpenWhisk, where it waits behind the
/// head although a warm container stands idle; contract 5.2).
class WaitingQueue {
 public:
  void add(ActivationKey activation, FunctionId f, TimePoint now) {
    const std::uint64_t order = ++last_;
    entries_.emplace(order, Entry{activation, f, now});
    by_function_[f].insert(order);
    unpromised_.insert(order);
    orders_.emplace(activation, order);
  }

  void remove(ActivationKey activation) {
    const auto it = orders_.find(activation);
    if (it == orders_.end()) return;
    const auto entry = entries_.find(it->second);
    const auto same = by_function_.find(entry->second.function);
    same->second.erase(it->second);
    if (same->second.empty()) by_function_.erase(same);
    unpromised_.erase(it->second);
    promised_.erase(it->second);
    entries_.erase(entry);
    orders_.erase(it);
  }

  void promise_head() { promised_.insert(unpromised_.extract(unpromised_.begin())); }

  /// The next to be promised memory.
  [[nodiscard]] std::optional<ActivationKey> head() const { return first(unpromised_); }
  [[nodiscard]] std::optional<ActivationKey> first_promised() const { return first(promised_); }
  [[nodiscard]] bool promised(ActivationKey activation) const {
    const auto it = orders_.find(activation);
    return it != orders_.end() && promised_.contains(it->second);
  }
  [[nodiscard]] std::optional<ActivationKey> first_of(FunctionId f) const {
    const auto it = by_function_.find(f);
    if (it == by_function_.end()) return std::nullopt;
    return first(it->second);
  }
  /// Since when the head waits; none if there is none.
  [[nodiscard]] std::optional<TimePoint> head_since() const {
    if (unpromised_.empty()) return std::nullopt;
    return entries_.at(*unpromised_.begin()).since;
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    ActivationKey activation;
    FunctionId function;
    TimePoint since;
  };
  [[nodiscard]] std::optional<ActivationKey> first(const std::set<std::uint64_t>& orders) const {
    if (orders.empty()) return std::nullopt;
    return entries_.at(*orders.begin()).activation;
  }

  std::map<std::uint64_t, Entry> entries_;
  std::map<FunctionId, std::set<std::uint64_t>> by_function_;
  std::set<std::uint64_t> unpromised_;
  std::set<std::uint64_t> promised_;
  std::map<ActivationKey, std::uint64_t> orders_;
  std::uint64_t last_ = 0;
};

}  // namespace instainfer::core
