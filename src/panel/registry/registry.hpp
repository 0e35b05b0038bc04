// The catalogue: every installer of INSTALLERS_DIR, the broken ones with their errors. One
// snapshot is one consistent state; a reload replaces it whole, and a job keeps the one it was
// validated against.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "contract/manifest.hpp"
#include "contract/manifest_loader.hpp"

namespace prov::panel {

struct Installer {
  std::string id;                               // the directory's name
  std::optional<contract::Manifest> manifest;   // set exactly when it is valid
  std::vector<contract::ManifestFault> faults;  // why it is not
  std::string digest;                           // "sha256:…"; "" where it could not be made
  std::string readme;                           // README.md, "" when there is none
  std::string icon;                             // icon.svg's bytes, "" when there is none
};

struct Catalogue {
  std::map<std::string, Installer, std::less<>> installers;
  WallTime loaded_at{};
  // The installer, valid or not; nullptr when there is none of that id.
  const Installer* Find(std::string_view id) const;
};

// Reload() may be called from another thread; Current() from any.
class Registry {
 public:
  Registry(Path directory, const Clock& clock, Logger& logger);
  ~Registry();
  // What is there now. An unreadable directory is an error, and the catalogue stays as it was.
  // Links are not followed: a linked directory is no installer, a linked file makes one broken.
  Status Reload();
  // True when something in the directory changed since the last Reload (names, times, sizes).
  bool Changed() const;
  std::shared_ptr<const Catalogue> Current() const;
  std::uint64_t failed_reloads() const;
  // Why the last Reload failed; "" after one that did not.
  std::string last_failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace prov::panel
