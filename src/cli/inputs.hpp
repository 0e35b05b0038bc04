// From what was typed to the inputs of a request: NAME=VALUE, files, secrets, and questions about
// what is missing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/api_client.hpp"

namespace prov::cli {

struct GivenInputs {
  std::vector<std::string> plain;    // NAME=VALUE
  std::vector<std::string> files;    // NAME=FILE
  std::vector<std::string> secrets;  // names asked for at the terminal, or on standard input
  bool insecure_argv = false;        // sensitive ones may come as NAME=VALUE
  bool may_ask = false;              // for what is missing
};

// An installer's inputs as GET /api/installers/{id} shows them, in the manifest's order.
using KnownInputs = std::vector<boost::json::object>;
KnownInputs InputsOf(const boost::json::value& app);

// The values as the API takes them: texts, which it reads exactly, and lists for multiselects.
OrFailure<boost::json::object> ReadInputs(const GivenInputs& given, const KnownInputs& known);
// Asks for what the panel finds missing or wrong, until it finds nothing; `given` is what was typed
// and is kept where it is right.
OrFailure<boost::json::object> AskInputs(ApiClient& api, const std::string& app,
                                         const KnownInputs& known, boost::json::object given);

}  // namespace prov::cli
