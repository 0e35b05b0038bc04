// What a payload breaks, collected member by member.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"

namespace prov::job {

class Check {
 public:
  // `pointer` is a JSON pointer; the sentence is for a person.
  void Must(bool holds, std::string pointer, std::string sentence) {
    if (!holds) faults_.push_back({std::move(pointer), std::move(sentence)});
  }
  // kInvalidArgument with every fault.
  Result<void> Done() const {
    if (!faults_.empty()) return json::FaultsError(faults_);
    return {};
  }

 private:
  std::vector<json::Fault> faults_;
};

}  // namespace prov::job
