#include "agent/executor/keys_watch.hpp"

#include <string_view>
#include <sys/inotify.h>
#include <unistd.h>

namespace prov::agent {

KeysWatch KeysWatch::Open(const exec::StatePaths& state) {
  KeysWatch watch;
  UniqueFd fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  // The directory: the file is replaced by a rename, and each has a node of its own.
  if (fd && inotify_add_watch(fd.get(), state.root.c_str(), IN_MOVED_TO) >= 0)
    watch.fd_ = std::move(fd);
  return watch;
}

bool KeysWatch::Changed() {
  bool changed = false;
  alignas(inotify_event) char buffer[4096];
  for (;;) {
    const auto got = read(fd_.get(), buffer, sizeof buffer);
    if (got <= 0) return changed;
    for (auto at = 0L; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      changed |= (event->mask & IN_Q_OVERFLOW) != 0;
      const std::string_view name = event->len > 0 ? event->name : "";
      changed |= name == "keys" || name == "sealing-key";
      at += static_cast<long>(sizeof(inotify_event) + event->len);
    }
  }
}

}  // namespace prov::agent
