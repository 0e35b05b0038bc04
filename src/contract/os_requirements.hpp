// Which operating systems an installer supports, and whether a server is one of them
// (docs/contract.md, "os_requirements"). Pure and thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace prov::contract {

// What /etc/os-release says (os-release(5)).
struct OsRelease {
  std::string id;                    // "debian"
  std::vector<std::string> id_like;  // {"debian"} on Ubuntu
  std::string version_id;            // "12"; empty where the system has none (Debian unstable)
  std::string pretty_name;
};

// Lines of NAME=value with shell quoting; comments and unknown names are ignored. Without an ID it
// is "linux".
OsRelease ParseOsRelease(std::string_view text);

// Numerically, part by part, a part that is not there counting as 0: "9" < "10", "20.04" < "20.10",
// "12" = "12.0", "1.2" < "1.2.1". Parts that are not numbers compare as text, after numbers.
// Negative, zero or positive.
int CompareVersions(std::string_view a, std::string_view b);

struct OsRequirements {
  std::vector<std::string> families;               // os-release IDs, at least one
  std::map<std::string, std::string> min_version;  // family -> least version
  std::vector<std::string> architectures;          // Debian's names (amd64, arm64); empty: any
};

// A requirement of a manifest that a server does not meet.
struct UnmetRequirement {
  std::string requirement;  // where the manifest says so: "os_requirements.family"
  std::string message;      // what is wanted and what the server has: a sentence for a person
};

// The first that is not met, or nothing. A family matches ID before ID_LIKE; a
// least version binds only where ID itself is that family, because a derivative counts its versions
// differently.
std::optional<UnmetRequirement> CheckOs(const OsRequirements& wanted, const OsRelease& os,
                                        std::string_view architecture);

}  // namespace prov::contract
