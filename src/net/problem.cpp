#include "net/problem.hpp"

#include <boost/json.hpp>

#include "base/json.hpp"

namespace prov::net {

int HttpStatus(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 422;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kExhausted:
      return 429;
    case ErrorCode::kUnsupported:
      return 422;
    case ErrorCode::kTimeout:
      return 504;
    case ErrorCode::kUnavailable:
    case ErrorCode::kCanceled:
      return 503;
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

Problem ToProblem(const Error& error) {
  Problem problem{.status = HttpStatus(error.code), .code = std::string(ToString(error.code))};
  problem.detail = error.message;
  if (problem.status == 500) problem.detail = "The server failed to do this; its log says why.";
  // What a database says names its address and its user, and nobody may be signed in yet.
  if (error.code == ErrorCode::kUnavailable) {
    problem.detail =
        "Something that this needs is away; GET /api/health says what, to who is signed in.";
  }
  return problem;
}

Response MakeProblem(const Problem& problem) {
  boost::json::object body;
  body["type"] = "about:blank";
  body["title"] = StatusReason(problem.status);
  body["status"] = problem.status;
  body["detail"] = problem.detail;
  if (!problem.instance.empty()) body["instance"] = problem.instance;
  body["code"] = problem.code;
  if (!problem.errors.empty()) {
    boost::json::array errors;
    for (const auto& error : problem.errors) {
      errors.push_back(boost::json::object{
          {"field", error.field}, {"rule", error.rule}, {"message", error.message}});
    }
    body["errors"] = std::move(errors);
  }
  Response response{.status = problem.status, .body = json::Serialize(body)};
  response.headers.Set("Content-Type", "application/problem+json");
  if (problem.status == 401) response.headers.Set("WWW-Authenticate", "Bearer");
  if (problem.status == 429 || problem.status == 503)
    response.headers.Set("Retry-After", std::to_string(problem.retry_after));
  return response;
}

Response MakeProblem(int status, std::string code, std::string detail) {
  return MakeProblem(
      Problem{.status = status, .code = std::move(code), .detail = std::move(detail)});
}

}  // namespace prov::net
