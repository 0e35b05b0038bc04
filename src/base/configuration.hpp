// What a program is told at start: a YAML file, then environment variables, then flags; the later
// wins. One setting has one name in all three: `panel_url` in the file, PANEL_URL (or
// PANEL_URL_FILE, which names a file that holds the value), --panel-url.
//
// Every value is text until it is asked for by type; a wrong one names where it came from
// ("/etc/provisioning/panel.yml:3:1", "the environment variable LOG_LEVEL", "--log-level").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"

namespace prov {

struct Setting {
  std::string name;  // snake_case
  std::string help;  // one line
  std::optional<std::string> default_value;
  bool secret = false;  // hidden by Describe(), never taken from a flag
  bool list = false;    // a sequence in the file, comma-separated elsewhere
};

class Configuration {
 public:
  struct Value {
    std::string text;
    std::string source;  // where it was said; "default"
  };

  // `file` may be absent (empty path: none). `environment` holds NAME=value pairs as the process
  // has them; names that are no setting are ignored there, and are errors in the file and among the
  // flags (with the names there are). All faults at once, kInvalidArgument. A file that sets a
  // secret is its owner's alone (0600), or root's and readable by one group (0640).
  static Result<Configuration> Load(std::span<const Setting> settings, const Path& file,
                                    const std::map<std::string, std::string>& environment,
                                    const std::map<std::string, std::string>& flags);

  // The setting's text, or nothing when it was not said and has no default. An unknown name is a
  // bug: std::logic_error.
  std::optional<std::string> Find(std::string_view name) const;
  std::string Text(std::string_view name) const;  // "" when absent
  Result<std::uint64_t> Number(std::string_view name, std::uint64_t least,
                               std::uint64_t most) const;
  Result<bool> Boolean(std::string_view name) const;  // "true", "false"
  std::vector<std::string> List(std::string_view name) const;
  // An error about a setting's value: "<source>: <name>: <what>".
  Error Fault(std::string_view name, std::string_view what) const;

  // The effective configuration as YAML, secrets as "(hidden)", for --check-config.
  std::string Describe() const;

 private:
  std::vector<Setting> settings_;
  std::map<std::string, Value, std::less<>> values_;
};

// The process's environment, as Load() takes it.
std::map<std::string, std::string> ProcessEnvironment();

}  // namespace prov
