#include "panel/answers.hpp"

#include <fmt/format.h>

#include "net/json_body.hpp"

namespace prov::panel {

net::Response InvalidInput(std::vector<net::FieldError> faults) {
  return net::MakeProblem({.status = 422,
                           .code = "invalid_input",
                           .detail = "some members are not right",
                           .errors = std::move(faults)});
}

net::Response Unprocessable(std::vector<net::FieldError> faults) {
  net::Problem problem;
  problem.status = 422;
  problem.code = "invalid_parameter";
  problem.detail = "some parameters are not right";
  problem.errors = std::move(faults);
  return net::MakeProblem(problem);
}

net::Response NoSuch(std::string_view what) {
  return net::MakeProblem(404, "not_found", fmt::format("there is no such {}", what));
}

net::Response Listed(boost::json::array items) {
  return net::MakeJson(boost::json::object{{"items", std::move(items)}});
}

net::Response Listed(boost::json::array items, boost::json::value next_cursor) {
  return net::MakeJson(
      boost::json::object{{"items", std::move(items)}, {"next_cursor", std::move(next_cursor)}});
}

}  // namespace prov::panel
