// Waiting for what a server of a test does by itself.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace prov::test {

// Throws where it does not hold in this time.
template <typename Condition>
void WaitFor(Condition&& holds, const std::string& what,
             std::chrono::seconds within = std::chrono::seconds(30)) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until)
      throw std::runtime_error(what + " did not happen in " + std::to_string(within.count()) +
                               " s");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace prov::test
