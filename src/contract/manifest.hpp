// What an installer's manifest.yml says, after loading (docs/contract.md). Plain data: a Manifest
// that the loader returned is consistent, so nothing that uses one checks it again. Immutable after
// loading, so safe to share between threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>

#include "contract/action.hpp"
#include "contract/condition.hpp"
#include "contract/input_types.hpp"
#include "contract/os_requirements.hpp"
#include "contract/pattern.hpp"
#include "contract/version.hpp"

namespace prov::contract {

inline constexpr std::size_t kMaxManifestBytes = 256 * 1024;
inline constexpr std::size_t kMaxInputs = 200;
inline constexpr std::size_t kMaxComparisons = 64;  // `input: value` pairs in all visible_if
inline constexpr std::size_t kMaxValueBytes = 120'000;
inline constexpr std::size_t kMinSensitiveLength = 8;  // code points

struct AllowedValue {
  boost::json::value value;  // normalized, as the input's type has it
  std::string label;         // the value itself where the manifest gives none
};

struct Validation {
  std::optional<Pattern> pattern;
  std::string pattern_error;
  std::optional<std::int64_t> min_length, max_length;      // code points
  std::optional<boost::json::value> min_value, max_value;  // int64 or double, as written
  std::vector<AllowedValue> allowed_values;
};

struct Input {
  std::string name;
  InputType type = InputType::kString;
  std::string label;
  std::string description;
  bool required = false;
  std::optional<boost::json::value> default_value;  // normalized
  std::string placeholder;
  std::string group;
  Validation validation;
  std::optional<Condition> visible_if;
  bool sensitive = false;
  bool generate = false;
};

struct ResourceRequirements {
  std::optional<std::int64_t> min_ram_mb, min_disk_mb, min_cpus;
};

struct ResourceLimits {
  std::optional<std::int64_t> memory_mb, tasks, cpu_percent;
};

struct Retry {
  std::uint32_t max_attempts = 3;
  std::uint32_t backoff_seconds = 10;
};

struct Dependency {
  std::string id;
  VersionRange version;  // empty: any
};

// A number from the manifest, or the name of the input that holds it.
using Port = std::variant<std::int64_t, std::string>;

struct Output {
  std::string name;
  std::string label;
  bool sensitive = false;
};

struct Monitoring {
  Port port;
  std::string path = "/metrics";
};

struct Backup {
  std::vector<std::string> paths;
  std::vector<std::string> services;
};

struct KnownFailure {
  Pattern pattern;  // searched for in a line of the log
  std::string cause;
  std::string remedy;
  bool retryable = false;
};

enum class SecretDelivery { kEnv, kFile };
BOOST_DESCRIBE_ENUM(SecretDelivery, kEnv, kFile)
enum class Reboot { kNever, kAllowed };
BOOST_DESCRIBE_ENUM(Reboot, kNever, kAllowed)

struct Manifest {
  std::string id, name, version, description, category, author;
  OsRequirements os_requirements;
  bool bare_min_version = false;  // one text for several families: the linter warns
  ResourceRequirements resource_requirements;
  std::string install_script = "install.sh";
  std::uint32_t timeout_seconds = 0;  // 1..86400
  bool idempotent = false;
  std::vector<Input> inputs;
  // Indices into inputs: each after those its visible_if names.
  std::vector<std::size_t> evaluation_order;
  std::vector<std::string> tags;
  std::string homepage, license, icon;
  std::vector<Dependency> depends_on;
  std::vector<std::string> conflicts;
  std::vector<Port> provides_ports;
  std::vector<std::string> services;
  std::vector<Output> outputs;
  ResourceLimits resource_limits;
  Retry retry;
  SecretDelivery secret_delivery = SecretDelivery::kEnv;
  bool supports_dry_run = false;
  Reboot reboot = Reboot::kNever;
  std::optional<Monitoring> monitoring;
  std::optional<Backup> backup;
  std::vector<KnownFailure> known_failures;
  std::vector<Action> actions;  // those whose script the directory holds; kInstall always

  const Input* FindInput(std::string_view input_name) const;
  bool Supports(Action action) const;
  // The script's file name: install_script for kInstall, else "<action>.sh".
  std::string ScriptOf(Action action) const;
};

}  // namespace prov::contract
