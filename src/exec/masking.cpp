#include "exec/masking.hpp"

#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::exec {
namespace {

constexpr std::size_t kHashBits = 16;
constexpr std::size_t kBlock = 3;
// Beyond this, wrapped base64 is looked for from the start of the value only: a pattern for each
// column would cost more memory than a key of that size can be worth.
constexpr std::size_t kLargestAnyColumn = 1024;

std::uint32_t Hash(const char* at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  const std::uint32_t block = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  return (block * 2654435761u) >> (32 - kHashBits);
}

std::string Percent(std::string_view text, bool lower, bool plus, std::string_view safe) {
  const char* digits = lower ? "0123456789abcdef" : "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 128 && std::isalnum(byte)) || safe.find(c) != safe.npos) {
      out += c;
    } else if (plus && c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

void AppendUnicodeEscape(std::uint32_t unit, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 15];
}

// The code point that starts at `text[at]`, and `at` after it; nothing where that is no UTF-8.
std::optional<std::uint32_t> TakeCodePoint(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || at + length > text.size()) return std::nullopt;
  std::uint32_t point = length == 1 ? first : first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    point = (point << 6) | (byte & 0x3f);
  }
  at += length;
  return point;
}

// What is outside ASCII as \u…, beyond the first plane as a surrogate pair (Python's json.dumps),
// and `html` too: Go's encoding/json spells <, > and & so. Upper-case digits with `upper`.
std::string JsonEscaped(std::string_view text, bool ascii, bool html, bool upper) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((static_cast<unsigned char>(c) < 0x80 || !ascii) &&
        !(html && (c == '<' || c == '>' || c == '&'))) {
      out += c;
      ++at;
      continue;
    }
    const auto before = out.size();
    const auto point = TakeCodePoint(text, at);
    if (!point) {
      out += text[at++];
      continue;
    }
    if (*point >= 0x10000) {
      AppendUnicodeEscape(0xd800 + ((*point - 0x10000) >> 10), out);
      AppendUnicodeEscape(0xdc00 + ((*point - 0x10000) & 0x3ff), out);
    } else {
      AppendUnicodeEscape(*point, out);
    }
    if (!upper) continue;
    for (auto i = before; i < out.size(); ++i) {
      if (out[i] != 'u')
        out[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[i])));
    }
  }
  return out;
}

std::string JsonQuoted(std::string_view text, bool slash) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\' || (slash && c == '/'))
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else
      out += c;
  }
  return out;
}

std::string Replaced(std::string_view text, char what, std::string_view by) {
  std::string out;
  for (const char c : text) c == what ? void(out += by) : out.push_back(c);
  return out;
}

// printf %q and ${var@Q} of bash.
std::string BackslashQuoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 128 && !std::isalnum(byte) &&
        std::string_view("_-./:=@%+").find(c) == std::string_view::npos)
      out += '\\';
    out += c;
  }
  return out;
}

// Between double quotes: declare -p and export -p of bash.
std::string DoubleQuoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\"\\$`").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Between $'…', which bash chooses where a value has control characters or bytes that are no text
// in its locale; there all outside ASCII is octal with `octal`.
std::string AnsiQuoted(std::string_view text, bool octal) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (octal && byte >= 0x80)
      out += fmt::format("\\{:03o}", byte);
    else
      out += c;
  }
  return out;
}

// The characters that depend on the secret alone when it starts at `offset` modulo 3.
std::string AlignedBase64(std::string_view secret, std::size_t offset) {
  const auto encoded = Base64Encode(std::string(offset, '\0') + std::string(secret));
  const std::size_t first = (offset * 8 + 5) / 6;
  const std::size_t end = (offset + secret.size()) * 8 / 6;
  return encoded.substr(first, end - first);
}

void AddWrapped(const std::string& encoded, bool any_column, std::set<std::string>& into) {
  for (const std::size_t width : {std::size_t{64}, std::size_t{76}}) {
    for (std::size_t first = any_column ? 1 : width; first <= std::min(width, encoded.size());
         ++first) {
      into.insert(encoded.substr(0, first));
      for (std::size_t at = first; at < encoded.size(); at += width)
        into.insert(encoded.substr(at, width));
    }
  }
}

void AddEncodings(std::string_view secret, std::set<std::string>& into) {
  into.emplace(secret);
  for (std::size_t offset = 0; offset < 3; ++offset) {
    const auto encoded = AlignedBase64(secret, offset);
    std::string url = encoded;
    std::ranges::replace(url, '+', '-');
    std::ranges::replace(url, '/', '_');
    into.insert({encoded, url});
    AddWrapped(encoded, secret.size() <= kLargestAnyColumn, into);
  }
  for (const std::string_view safe : {"-_.~", "-_.~/", "-_.*", "-_.!~*'()"}) {
    for (const bool lower : {false, true}) {
      into.insert(Percent(secret, lower, false, safe));
      into.insert(Percent(secret, lower, true, safe));
    }
  }
  auto hex = HexEncode(secret);
  into.insert(hex);
  std::ranges::transform(hex, hex.begin(), [](unsigned char c) { return std::toupper(c); });
  into.insert(hex);
  into.insert(JsonQuoted(secret, false));
  into.insert(JsonQuoted(secret, true));
  into.insert(Replaced(secret, '\'', "'\\''"));
  into.insert(Replaced(secret, '\'', "'\"'\"'"));
  into.insert(BackslashQuoted(secret));
  for (const bool octal : {false, true}) into.insert(AnsiQuoted(secret, octal));
  into.insert(DoubleQuoted(secret));
  for (const bool slash : {false, true}) {
    const auto quoted = JsonQuoted(secret, slash);
    for (const bool upper : {false, true}) {
      into.insert(JsonEscaped(quoted, true, false, upper));
      into.insert(JsonEscaped(quoted, false, true, upper));
      into.insert(JsonEscaped(quoted, true, true, upper));
    }
  }
}

}  // namespace

std::vector<std::string> Spellings(std::string_view secret) {
  std::set<std::string> found;
  if (secret.size() >= kShortestSecret) AddEncodings(secret, found);
  if (secret.find('\n') != secret.npos) {
    for (std::size_t at = 0; at < secret.size();) {
      auto line = secret.substr(at, secret.find('\n', at) - at);
      at += line.size() + 1;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.size() >= kShortestSecret) AddEncodings(line, found);
    }
  }
  std::vector<std::string> spellings;
  for (const auto& text : found) {
    if (text.size() >= kShortestSecret && text.find('\n') == text.npos) spellings.push_back(text);
  }
  return spellings;
}

void Masker::Add(std::string_view secret) {
  for (auto& text : Spellings(secret)) patterns_.push_back(std::move(text));
  std::ranges::sort(patterns_);
  const auto twice = std::ranges::unique(patterns_);
  patterns_.erase(twice.begin(), twice.end());
  Rebuild();
}

void Masker::Rebuild() {
  window_ = longest_ = 0;
  for (const auto& text : patterns_) {
    window_ = window_ == 0 ? text.size() : std::min(window_, text.size());
    longest_ = std::max(longest_, text.size());
  }
  window_ = std::min<std::size_t>(window_, 128);  // a shift has to fit in a byte
  if (window_ == 0) return;
  shift_.assign(std::size_t{1} << kHashBits, static_cast<std::uint8_t>(window_ - kBlock + 1));
  buckets_.assign(std::size_t{1} << kHashBits, {0, 0});
  order_.resize(patterns_.size());
  for (std::uint32_t i = 0; i < patterns_.size(); ++i) {
    order_[i] = i;
    for (std::size_t at = 0; at + kBlock <= window_; ++at) {
      auto& shift = shift_[Hash(patterns_[i].data() + at)];
      shift = std::min(shift, static_cast<std::uint8_t>(window_ - kBlock - at));
    }
  }
  const auto last = [&](std::uint32_t i) { return Hash(patterns_[i].data() + window_ - kBlock); };
  std::ranges::sort(order_, [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(last(a), patterns_[b].size()) < std::pair(last(b), patterns_[a].size());
  });
  for (std::uint32_t i = 0; i < order_.size(); ++i) {
    auto& bucket = buckets_[last(order_[i])];
    if (bucket.count++ == 0) bucket.first = i;
  }
}

std::size_t Masker::LongestAt(std::string_view text) const {
  const auto bucket = buckets_[Hash(text.data() + window_ - kBlock)];
  for (std::uint32_t i = bucket.first; i < bucket.first + bucket.count; ++i) {
    if (text.starts_with(patterns_[order_[i]])) return patterns_[order_[i]].size();
  }
  return 0;
}

// A byte is masked when any spelling covers it; overlapping ones become one mask. So what comes out
// depends on the bytes alone, not on how they were cut.
void Masker::Scan(std::string& out, bool final) {
  const std::string_view text(held_);
  // From here on a spelling may start that has not arrived whole.
  const std::size_t safe = final ? text.size() : text.size() - std::min(text.size(), longest_ - 1);
  std::size_t given =
      std::min(covered_, safe);    // everything before is in `out`, plain or as a mask
  std::size_t covered = covered_;  // end of the mask given out last
  std::size_t at = 0;
  while (at < safe && at + window_ <= text.size()) {
    const auto shift = shift_[Hash(text.data() + at + window_ - kBlock)];
    if (shift > 0) {
      at += shift;
      continue;
    }
    if (const auto length = LongestAt(text.substr(at)); length > 0) {
      if (at >= covered) {  // not an overlap: a mask of its own
        out.append(text.substr(given, at - given));
        out.append(kMask);
      }
      covered = std::max(covered, at + length);
      given = std::min(covered, safe);
    }
    ++at;
  }
  out.append(text.substr(given, safe - given));
  covered_ = covered > safe ? covered - safe : 0;
  held_.erase(0, safe);
}

void Masker::Push(std::string_view bytes, std::string& out) {
  if (window_ == 0) {
    out.append(bytes);
    return;
  }
  held_.append(bytes);
  Scan(out, false);
}

void Masker::Flush(std::string& out) {
  if (window_ != 0) Scan(out, true);
  covered_ = 0;
}

}  // namespace prov::exec
