// What is needed of systemd's unit files where systemd is not there to ask (systemd.unit(5),
// systemd.service(5)). Stateless and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/files.hpp"

namespace prov::exec {

struct ServiceUnit {
  std::string program;   // of the first ExecStart, as it is written, without systemd's prefixes
  std::string pid_file;  // PIDFile
  bool oneshot = false;  // Type=oneshot: it runs and ends

  bool operator==(const ServiceUnit&) const = default;
};

// `text`: the unit file, then its drop-ins. An empty ExecStart forgets those before it. Of the
// specifiers only %i, the instance of a template, and %% are known. Pure.
ServiceUnit ParseServiceUnit(std::string_view text, std::string_view instance);

// The unit file (for an instance `name@x.service` without one, its template's) and its drop-ins,
// from the directories systemd looks in below `root`; nothing where there is no such file.
std::optional<ServiceUnit> FindServiceUnit(const Path& root, const std::string& name);

}  // namespace prov::exec
