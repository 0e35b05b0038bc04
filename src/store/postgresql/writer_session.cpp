#include "store/postgresql/writer_session.hpp"

#include <unistd.h>

namespace prov::store::postgresql {

void WriterSession::Made() {
  ++made_;
  Tell();
}

void WriterSession::Lost() {
  if (process_.exchange(0) != 0) Tell();
}

void WriterSession::Watch(int event) {
  const std::lock_guard lock(mutex_);
  watchers_.insert(event);
}

void WriterSession::Unwatch(int event) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(event);
}

void WriterSession::Tell() {
  const std::uint64_t one = 1;
  const std::lock_guard lock(mutex_);
  for (const int event : watchers_) (void)!write(event, &one, sizeof one);
}

}  // namespace prov::store::postgresql
