// Takes secrets out of a stream, in every spelling a script may print them (QUALITY, row 27),
// exactly the same however the stream is cut into writes. A multi-pattern search with a shift table
// (Wu-Manber): most bytes are never looked at. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace prov::exec {

inline constexpr std::string_view kMask = "[masked]";
// Shorter secrets are not looked for: they would wreck the log. The contract wants 8 of an input.
inline constexpr std::size_t kShortestSecret = 6;

// Every spelling looked for: plain, each line of a multi-line value, base64 and base64url at three
// alignments (also wrapped, at any column), percent-encoded, hex, JSON- (escaped beyond ASCII or
// for HTML too) and shell-quoted (single, double, ANSI-C and backslash). Sorted, unique, none with
// a newline and none shorter than kShortestSecret. Pure.
std::vector<std::string> Spellings(std::string_view secret);

class Masker {
 public:
  Masker() { Rebuild(); }
  void Add(std::string_view secret);  // from the next Push on, and for what is still held

  // Appends to `out` what can be said for certain; the last bytes, which may begin a secret, are
  // held.
  void Push(std::string_view bytes, std::string& out);
  // The stream ended here, or a line did: no spelling goes over a newline. Gives out all that is
  // held.
  void Flush(std::string& out);

 private:
  struct Bucket {
    std::uint32_t first;
    std::uint32_t count;
  };
  void Rebuild();
  void Scan(std::string& out, bool final);
  std::size_t LongestAt(std::string_view text) const;

  std::vector<std::string> patterns_;
  std::vector<std::uint8_t> shift_;   // by the hash of a block of three
  std::vector<Bucket> buckets_;       // by the hash of the last block of a pattern's window
  std::vector<std::uint32_t> order_;  // patterns, grouped by bucket, longest first
  std::size_t window_ = 0;            // shortest pattern; 0 when there is none
  std::size_t longest_ = 0;
  std::string held_;
  std::size_t covered_ = 0;  // bytes at the start of held_ that belong to a mask already given out
};

}  // namespace prov::exec
