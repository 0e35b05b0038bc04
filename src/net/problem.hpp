// Errors over HTTP: RFC 9457 application/problem+json, and THE mapping from ErrorCode to a status.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/http_message.hpp"

namespace prov::net {

struct FieldError {
  std::string field;    // a JSON pointer or a parameter's name
  std::string rule;     // stable: "required", "pattern", "range"
  std::string message;  // a sentence for a person
};

struct Problem {
  int status = 500;
  std::string code;      // stable, for programs: "unknown_app"
  std::string detail;    // a sentence for a person
  std::string instance;  // the request's path; "" leaves it out
  std::vector<FieldError> errors;
  int retry_after = 5;  // seconds; of 429 and 503
};

int HttpStatus(ErrorCode code);
// With the kinds' own code ("not_found"). What the server itself got wrong (5xx but 504), or what
// it needs and lacks, is not told to the client: the caller logs it.
Problem ToProblem(const Error& error);
// 401 gets WWW-Authenticate, 429 and 503 Retry-After.
Response MakeProblem(const Problem& problem);
Response MakeProblem(int status, std::string code, std::string detail);

}  // namespace prov::net
