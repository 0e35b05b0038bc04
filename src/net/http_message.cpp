#include "net/http_message.hpp"

#include "base/encoding.hpp"

namespace prov::net {

namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

void Headers::Add(std::string name, std::string value) {
  all_.emplace_back(std::move(name), std::move(value));
}

void Headers::Set(std::string name, std::string value) {
  std::erase_if(all_, [&](const auto& header) { return EqualsIgnoringCase(header.first, name); });
  Add(std::move(name), std::move(value));
}

std::optional<std::string_view> Headers::Find(std::string_view name) const {
  for (const auto& header : all_) {
    if (EqualsIgnoringCase(header.first, name)) return header.second;
  }
  return std::nullopt;
}

std::size_t Headers::Count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), [&](const auto& header) {
    return EqualsIgnoringCase(header.first, name);
  }));
}

std::optional<std::string_view> Request::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  if (text.find_first_of(plus_is_space ? "%+" : "%") == text.npos) return std::string(text);
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Error{ErrorCode::kInvalidArgument, "\"%\" must be followed by two hex digits"};
      }
      c = static_cast<char>(high * 16 + low);
      if (c == '\0') return Error{ErrorCode::kInvalidArgument, "\"%00\" is not allowed"};
      i += 2;
    }
    decoded += c;
  }
  return decoded;
}

namespace {

Result<std::string> DecodeText(std::string_view text, bool plus_is_space) {
  auto decoded = PercentDecode(text, plus_is_space);
  if (decoded && !IsUtf8(*decoded))
    return Error{ErrorCode::kInvalidArgument, "the request target must be UTF-8"};
  return decoded;
}

}  // namespace

Status SetTarget(Request& request, std::string_view target) {
  if (!target.starts_with('/')) {
    return Error{ErrorCode::kInvalidArgument, "the request target must begin with \"/\""};
  }
  request.target = target;
  const auto question = target.find('?');
  request.raw_path = target.substr(0, question);
  PROV_TRY(request.path, DecodeText(request.raw_path, false));
  request.query.clear();
  auto rest = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto raw =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    PROV_TRY(auto key, DecodeText(pair.substr(0, equals), true));
    PROV_TRY(auto value, DecodeText(raw, true));
    request.query.emplace_back(std::move(key), std::move(value));
  }
  return {};
}

std::string_view StatusReason(int status) {
  static constexpr std::pair<int, std::string_view> kReasons[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {507, "Insufficient Storage"},
  };
  for (const auto& [number, reason] : kReasons) {
    if (number == status) return reason;
  }
  return "Unknown";
}

std::string SerializeHead(const Response& response,
                          const std::vector<std::pair<std::string, std::string>>& framing) {
  constexpr std::size_t kUsual = 512;
  std::string head;
  head.reserve(kUsual);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(StatusReason(response.status)).append("\r\n");
  const auto add = [&](const std::string& name, const std::string& value) {
    constexpr std::string_view kSplitting("\r\n\0", 3);
    if (name.find_first_of(kSplitting) != name.npos) return;
    if (value.find_first_of(kSplitting) != value.npos) return;
    head.append(name).append(": ").append(value).append("\r\n");
  };
  for (const auto& [name, value] : response.headers.all()) add(name, value);
  for (const auto& [name, value] : framing) add(name, value);
  return head.append("\r\n");
}

}  // namespace prov::net
