// What the agent's processes and commands end with, and how they say why.
#pragma once

#include <cstdio>
#include <string>

namespace prov::agent {

constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kCannotStart = 2;
constexpr int kNotReachable = 4;

// To standard error; `status`.
inline int Fail(int status, const std::string& sentence) {
  std::fprintf(stderr, "provisioning-agent: %s\n", sentence.c_str());
  return status;
}

}  // namespace prov::agent
