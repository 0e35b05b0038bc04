// The agents of a test of a transport, as its panel knows them.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "transport/directory.hpp"

namespace prov::transport {

// Agents are heard once they were named.
class TestAgents final : public AgentDirectory {
 public:
  boost::asio::awaitable<Result<HttpAccess>> AccessOf(std::string, std::uint32_t) override {
    co_return Error{ErrorCode::kUnauthenticated, "nobody asks by HTTP here", {}};
  }
  boost::asio::awaitable<Result<std::vector<std::string>>> Heard() override {
    ++asked;
    co_return std::vector<std::string>(names.begin(), names.end());
  }
  std::set<std::string> names;
  int asked = 0;
};

}  // namespace prov::transport
