#include "base/random.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/random.h>

namespace prov {

std::string Random::Bytes(std::size_t count) {
  std::string bytes(count, '\0');
  Fill(bytes.data(), count);
  return bytes;
}

void SystemRandom::Fill(void* buffer, std::size_t bytes) {
  auto* at = static_cast<char*>(buffer);
  while (bytes > 0) {
    const ssize_t got = getrandom(at, bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();  // without randomness no key and no nonce may be made
    at += got;
    bytes -= static_cast<std::size_t>(got);
  }
}

void FakeRandom::Fill(void* buffer, std::size_t bytes) {
  auto* at = static_cast<unsigned char*>(buffer);
  for (std::size_t i = 0; i < bytes; ++i) {  // splitmix64, a byte a step
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    at[i] = static_cast<unsigned char>(mixed >> 56);
  }
}

}  // namespace prov
