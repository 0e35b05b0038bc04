// Versions of operating systems and installers: numbers between dots, compared part by part as
// numbers
// ("9" < "10.0" = "10" < "10.1"). docs/contract.md, C-OS and C-DEP.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace prov::contract {

// [0-9]+(\.[0-9]+)*, at most 64 bytes.
bool IsNumericVersion(std::string_view text);
// Nothing when one of them is not a numeric version.
std::optional<std::strong_ordering> CompareNumericVersions(std::string_view left,
                                                           std::string_view right);

// ">=14 <17": every part holds. Without parts, every version does.
struct VersionRange {
  struct Part {
    std::string comparison;  // >= <= > < =
    std::string version;
  };
  std::vector<Part> parts;

  static Result<VersionRange> Parse(std::string_view text);  // kInvalidArgument
  bool Contains(std::string_view version) const;
};

}  // namespace prov::contract
