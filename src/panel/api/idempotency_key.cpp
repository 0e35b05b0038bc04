#include "panel/api/idempotency_key.hpp"

#include "panel/api/routes.hpp"

namespace prov::panel {

Result<std::optional<IdempotencyRequest>> IdempotencyOf(const net::Request& request) {
  const auto key = request.headers.Find("Idempotency-Key");
  if (!key) return std::optional<IdempotencyRequest>();
  if (key->empty() || key->size() > 255 || request.headers.Count("Idempotency-Key") > 1) {
    return Error{
        ErrorCode::kInvalidArgument, "Idempotency-Key: give one, of 1 to 255 characters", {}};
  }
  return std::optional(IdempotencyRequest{std::string(*key), request.path + "\n" + request.body});
}

net::Response BadKey(const Error& error) {
  return Unprocessable({{"Idempotency-Key", "range", error.message}});
}

net::Response AnswerStored(const store::StoredResponse& stored) {
  net::Response response{.status = stored.status, .body = stored.body};
  response.headers.Set("Content-Type", "application/json");
  if (!stored.location.empty()) response.headers.Set("Location", stored.location);
  return response;
}

net::Response AnswerAgain(const store::StoredResponse& stored) {
  auto response = AnswerStored(stored);
  response.headers.Set("Idempotent-Replayed", "true");
  return response;
}

}  // namespace prov::panel
