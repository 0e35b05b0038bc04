// Secrets in a text (src/exec/masking.hpp): the same comes out however the text was cut, it is what
// a search without any cleverness gives, and no encoding of a secret that was put in is left. The
// bytes are a recipe: secrets, then what to print of them.
#include <boost/json.hpp>

#include "base/encoding.hpp"
#include "exec/masking.hpp"
#include "fuzz/fuzz.hpp"

namespace prov::fuzz {
namespace {

using exec::kMask;
using exec::Masker;

struct Span {
  std::size_t begin;
  std::size_t end;
};

struct Text {
  std::string bytes;
  std::vector<Span> secret;  // where nothing of it may be left
};

// What the contract takes as a sensitive input; others are only masked as far as they are found.
bool IsInput(const std::string& secret) {
  return IsUtf8(secret) && CountCodePoints(secret) >= 8 &&
         std::ranges::all_of(secret,
                             [](unsigned char c) { return (c >= 32 && c != 127) || c == '\t'; });
}

std::string Percent(std::string_view secret) {
  std::string out;
  for (const unsigned char c : secret) {
    if (std::isalnum(c) != 0 ||
        std::string_view("-_.~").find(static_cast<char>(c)) != std::string_view::npos)
      out += static_cast<char>(c);
    else
      out += fmt::format("%{:02X}", c);
  }
  return out;
}

std::string Json(const std::string& secret) {
  const auto quoted = boost::json::serialize(boost::json::string(secret));
  return quoted.substr(1, quoted.size() - 2);
}

std::string ShellQuoted(std::string_view secret) {
  std::string out;
  for (const char c : secret) c == '\'' ? out += "'\\''" : out += c;
  return out;
}

// Between other bytes, as in "user:secret"; all characters that hold bits of the secret alone are
// the secret's.
void PrintBase64(const std::string& secret, const std::string& before, const std::string& after,
                 bool url, Text& to) {
  const auto encoded =
      url ? Base64UrlEncode(before + secret + after) : Base64Encode(before + secret + after);
  const auto at = to.bytes.size();
  to.bytes += encoded;
  to.secret.push_back(
      {at + (before.size() * 8 + 5) / 6, at + (before.size() + secret.size()) * 8 / 6});
}

void Print(const std::string& secret, Input& input, Text& to) {
  const auto form = input.Byte() % 8;
  if (form == 6 || form == 7) {
    const auto before = input.Take(input.Byte() % 4);
    return PrintBase64(secret, before, input.Take(input.Byte() % 4), form == 7, to);
  }
  auto hex = HexEncode(secret);
  if (form == 2)
    std::ranges::transform(hex, hex.begin(), [](unsigned char c) { return std::toupper(c); });
  const auto printed = form == 0   ? secret
                       : form <= 2 ? hex
                       : form == 3 ? Percent(secret)
                       : form == 4 ? Json(secret)
                                   : ShellQuoted(secret);
  to.secret.push_back({to.bytes.size(), to.bytes.size() + printed.size()});
  to.bytes += printed;
}

Text Printed(const std::vector<std::string>& secrets, Input& input) {
  Text text;
  while (!input.empty() && text.bytes.size() < 2000) {
    const auto choice = input.Byte();
    const auto& secret = secrets[choice / 2 % secrets.size()];
    if (choice % 2 == 0 || !IsInput(secret))
      text.bytes += input.Text();
    else
      Print(secret, input, text);
  }
  return text;
}

// Which bytes any spelling covers, found the slow way; a mask stands where each run of spellings
// that overlap begins.
std::string Reference(const std::vector<std::string>& secrets, const Text& text) {
  std::array<std::vector<std::string>, 256> spellings;
  for (const auto& secret : secrets) {
    for (auto& each : exec::Spellings(secret))
      spellings[static_cast<unsigned char>(each[0])].push_back(each);
  }
  const std::string_view bytes = text.bytes;
  std::string out;
  std::string covered(bytes.size(), '.');
  std::size_t end = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::size_t longest = 0;
    for (const auto& each : spellings[static_cast<unsigned char>(bytes[at])]) {
      if (bytes.substr(at).starts_with(each)) longest = std::max(longest, each.size());
    }
    if (longest > 0 && at >= end) out += kMask;
    end = std::max(end, longest > 0 ? at + longest : 0);
    if (at >= end) out += bytes[at];
    if (at < end) covered[at] = '#';
  }
  for (const auto& span : text.secret) {
    Require(covered.substr(span.begin, span.end - span.begin).find('.') == std::string::npos,
            "nothing is left of a secret that was printed");
  }
  return out;
}

std::string Masked(Masker& masker, std::string_view text, std::size_t first, std::size_t piece) {
  std::string out;
  masker.Push(text.substr(0, first), out);
  for (text.remove_prefix(std::min(first, text.size())); !text.empty();) {
    masker.Push(text.substr(0, piece), out);
    text.remove_prefix(std::min(piece, text.size()));
  }
  masker.Flush(out);
  return out;
}

}  // namespace

void FuzzMasker(std::string_view bytes) {
  Input input(bytes);
  std::vector<std::string> secrets(1 + input.Byte() % 3);
  Masker masker;
  for (auto& secret : secrets) masker.Add(secret = input.Take(input.Byte() % 64));
  const auto text = Printed(secrets, input);
  const auto wanted = Reference(secrets, text);
  const auto size = text.bytes.size();
  for (const std::size_t piece : {1, 2, 7})
    Require(Masked(masker, text.bytes, 0, piece) == wanted, "pieces are masked as the whole");
  for (std::size_t at = 0; at <= size; at += 1 + size / 100)
    Require(Masked(masker, text.bytes, at, size) == wanted, "a cut changes nothing");
}

}  // namespace prov::fuzz
