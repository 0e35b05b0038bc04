// The one way a test is skipped: what it needs is asked of tests/support/requirement, which prints
// why not.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace prov::test {

// "" when the machine has `requirement` (root, systemd, cgroup2, …), else why not.
std::string MissingRequirement(std::string_view requirement);

}  // namespace prov::test

#define PROV_REQUIRES(requirement)                                                              \
  if (auto prov_missing = ::prov::test::MissingRequirement(requirement); !prov_missing.empty()) \
  GTEST_SKIP() << "requires " << requirement << ": " << prov_missing
