#include "net/json_body.hpp"

namespace prov::net {

namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsJsonType(std::string_view type) {
  const auto semicolon = type.find(';');
  if (!EqualsIgnoringCase(Trim(type.substr(0, semicolon)), "application/json")) return false;
  if (semicolon == std::string_view::npos) return true;
  const auto parameter = Trim(type.substr(semicolon + 1));
  return EqualsIgnoringCase(parameter, "charset=utf-8") ||
         EqualsIgnoringCase(parameter, "charset=\"utf-8\"");
}

}  // namespace

std::variant<boost::json::value, Response> ParseJsonBody(const Request& request,
                                                         const json::Limits& limits) {
  const auto type = request.headers.Find("Content-Type");
  if (!type || !IsJsonType(*type)) {
    return MakeProblem(415, "unsupported_media_type", "Send the body as application/json.");
  }
  auto value = json::ParseText(request.body, limits);
  if (value) return std::move(*value);
  const auto& error = value.error();
  if (error.code == ErrorCode::kTooLarge) return MakeProblem(413, "too_large", error.message);
  return MakeProblem(400, "invalid_json", error.message);
}

Response MakeFaults(const std::vector<json::Fault>& faults) {
  Problem problem{.status = 422, .code = "invalid_input", .detail = "Some members are not valid."};
  for (const auto& fault : faults) {
    problem.errors.push_back({fault.pointer, "invalid", fault.message});
  }
  return MakeProblem(problem);
}

Response MakeJson(const boost::json::value& value, int status) {
  Response response{.status = status, .body = json::Serialize(value)};
  response.headers.Set("Content-Type", "application/json");
  return response;
}

}  // namespace prov::net
