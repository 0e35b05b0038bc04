// The environment of an installer's script, built from nothing (docs/contract.md, "Environment").
// Pure: secrets to be delivered as files are returned, not written.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "contract/action.hpp"
#include "contract/manifest.hpp"

namespace prov::contract {

struct EnvironmentFacts {
  std::string job_id;
  std::uint32_t attempt = 1;
  Action action = Action::kInstall;
  std::string lib;        // absolute path of the bash library
  std::string state_dir;  // absolute path
  bool dry_run = false;
  std::map<std::string, std::string> proxies;  // only names IsProxyVariable knows are taken
  std::string secret_dir;  // absolute path on a private tmpfs; used with secret_delivery: file
};

struct SecretFile {
  std::string path;
  std::string content;  // the value, without a newline at the end
};

struct Environment {
  std::map<std::string, std::string> variables;
  std::vector<SecretFile> secret_files;  // to be written with mode 0600 before the script starts
};

// http_proxy, https_proxy, ftp_proxy, all_proxy, no_proxy, in lower or upper case.
bool IsProxyVariable(std::string_view name);

// `values` are validated inputs (ValidatedInputs::values). An unset input has no variable.
Environment BuildEnvironment(const Manifest& manifest, const boost::json::object& values,
                             const EnvironmentFacts& facts);

}  // namespace prov::contract
