// Randomness comes in as a parameter, so that tests can repeat it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace prov {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(void* buffer, std::size_t bytes) = 0;
  std::string Bytes(std::size_t count);
};

// The kernel's generator (getrandom). Never fails: ends the process where the kernel has no
// randomness.
class SystemRandom final : public Random {
 public:
  void Fill(void* buffer, std::size_t bytes) override;
};

// The same bytes for the same seed, for tests and vectors. Not thread-safe and not secret.
class FakeRandom final : public Random {
 public:
  explicit FakeRandom(std::uint64_t seed = 1) : state_(seed) {}
  void Fill(void* buffer, std::size_t bytes) override;

 private:
  std::uint64_t state_;
};

}  // namespace prov
