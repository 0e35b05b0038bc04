#include "transport/strangers.hpp"

namespace prov::transport {

bool Strangers::Heard(const std::string& agent, SteadyTime now) {
  auto found = strangers_.find(agent);
  if (found == strangers_.end()) {
    if (strangers_.size() >= kMost) return false;
    found = strangers_.emplace(agent, Stranger{}).first;
  }
  found->second.heard = now;
  return found->second.said != Stranger::Said::kNo;
}

void Strangers::Asking() {
  for (auto& [agent, stranger] : strangers_) {
    if (stranger.said == Stranger::Said::kNothing) stranger.said = Stranger::Said::kAsked;
  }
}

std::vector<std::string> Strangers::Answered(const std::vector<std::string>& known,
                                             SteadyTime now) {
  std::vector<std::string> found;
  for (const auto& agent : known) {
    if (strangers_.erase(agent) > 0) found.push_back(agent);
  }
  std::erase_if(strangers_, [&](const auto& each) { return now - each.second.heard > kSilence; });
  for (auto& [agent, stranger] : strangers_) {
    // Who was heard while it was being asked may have been enrolled after it looked.
    if (stranger.said == Stranger::Said::kAsked) stranger.said = Stranger::Said::kNo;
  }
  return found;
}

}  // namespace prov::transport
