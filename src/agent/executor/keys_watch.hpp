// Tells when <state>/keys or <state>/sealing-key was replaced: by `enroll` or `rotate-sealing-key`
// beside a running agent, or by the executor.
#pragma once

#include "base/files.hpp"
#include "exec/paths.hpp"

namespace prov::agent {

class KeysWatch {
 public:
  // Where the kernel gives no watch, it tells nothing: fd() is -1, which poll(2) passes over.
  static KeysWatch Open(const exec::StatePaths& state);
  int fd() const { return fd_.get(); }
  // Reads what has come; whether it was about the keys.
  bool Changed();

 private:
  UniqueFd fd_;
};

}  // namespace prov::agent
