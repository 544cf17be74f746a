#pragma once

#include "instainfer/base/bytes.hpp"

namespace instainfer::core {

/// The node's memory for containers, counted by their limits.
///
/// Invariant: granted <= total. A container counts from its CreateContainer until nothing of it is left, so memory that
/// is being freed is still granted. What is being freed and what is free can be promised to activations that wait for
/// it.
class MemoryLedger {
 public:
  explicit MemoryLedger(Bytes total) : total_(total) {}

  void grant(Bytes limit) { granted_ += limit; }
  /// A removal began: the memory will come back.
  void begin_free(Bytes limit) { freeing_ += limit; }
  void freed(Bytes limit) {
    granted_ -= limit;
    freeing_ -= limit;
  }
  void promise(Bytes limit) { promised_ += limit; }
  void keep_promise(Bytes limit) { promised_ -= limit; }

  [[nodiscard]] Bytes total() const { return total_; }
  [[nodiscard]] Bytes granted() const { return granted_; }
  /// Not granted to any container; may be promised.
  [[nodiscard]] Bytes free() const { return total_ - granted_; }
  /// Free or about to be, and not promised to anybody. Negative never: promises are made from this.
  [[nodiscard]] Bytes unpromised() const { return free() + freeing_ - promised_; }
  [[nodiscard]] Bytes freeing() const { return freeing_; }
  [[nodiscard]] Bytes promised() const { return promised_; }

 private:
  Bytes total_;
  Bytes granted_;
  Bytes freeing_;
  Bytes promised_;
};

}  // namespace instainfer::core
