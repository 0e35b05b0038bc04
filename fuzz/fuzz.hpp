// What a fuzzer is: a function of bytes that throws Violation where a promise of the library is
// broken. The bytes come from libFuzzer (libfuzzer.cpp), or from fuzz/corpus/<name> as a plain test
// (replay_test.cpp). docs/checklists/fuzzer.md
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace prov::fuzz {

void FuzzManifest(std::string_view bytes);
void FuzzEnvelope(std::string_view bytes);
void FuzzPayload(std::string_view bytes);
void FuzzHttp(std::string_view bytes);
void FuzzResp(std::string_view bytes);
void FuzzAmqp(std::string_view bytes);
void FuzzSse(std::string_view bytes);
void FuzzJournal(std::string_view bytes);
void FuzzMasker(std::string_view bytes);
void FuzzLog(std::string_view bytes);

class Violation : public std::logic_error {
  using std::logic_error::logic_error;
};

inline void Require(bool holds, std::string_view promise) {
  if (!holds) throw Violation(std::string(promise));
}

// Takes numbers and texts off the bytes; zeros and "" once they are used up.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t Byte() { return static_cast<std::uint8_t>(Take(1).append(1, '\0')[0]); }
  std::uint64_t Number() {  // little endian, of 4 bytes
    std::uint64_t value = 0;
    for (int shift = 0; shift < 32; shift += 8) value |= std::uint64_t{Byte()} << shift;
    return value;
  }
  std::string Take(std::size_t count) {
    std::string taken(rest_.substr(0, count));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string Text() { return Take(Byte()); }  // its length comes first
  std::string Rest() { return Take(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace prov::fuzz
