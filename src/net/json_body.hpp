// JSON in requests and responses.
#pragma once

#include <variant>

#include <boost/json.hpp>

#include "base/json.hpp"
#include "net/problem.hpp"

namespace prov::net {

// The body's value, or the answer to give: 415 unless the content type is application/json (with
// charset utf-8 at most), 400 `invalid_json` for what json::ParseText refuses, 413 when too large.
std::variant<boost::json::value, Response> ParseJsonBody(const Request& request,
                                                         const json::Limits& limits = {});
// Every fault as a 422 `invalid_input`.
Response MakeFaults(const std::vector<json::Fault>& faults);
Response MakeJson(const boost::json::value& value, int status = 200);

// The body as a described struct, or the answer to give.
template <class T>
std::variant<T, Response> ReadJsonBody(const Request& request, const json::Limits& limits = {}) {
  auto parsed = ParseJsonBody(request, limits);
  if (auto* answer = std::get_if<Response>(&parsed)) return std::move(*answer);
  T read{};
  json::Reader reader;
  reader.Read(std::get<boost::json::value>(parsed), read, "");
  if (!reader.faults().empty()) return MakeFaults(reader.faults());
  return read;
}

}  // namespace prov::net
