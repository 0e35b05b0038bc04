#include "store/postgresql/writer_session.hpp"

#include <cstdint>
#include <unistd.h>

namespace prov::store::postgresql {

void WriterSession::Lost() {
  if (process_.exchange(0) == 0) return;
  const std::uint64_t one = 1;
  const std::lock_guard lock(mutex_);
  for (const int event : watchers_) (void)!write(event, &one, sizeof one);
}

void WriterSession::Watch(int event) {
  const std::lock_guard lock(mutex_);
  watchers_.insert(event);
}

void WriterSession::Unwatch(int event) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(event);
}

}  // namespace prov::store::postgresql
