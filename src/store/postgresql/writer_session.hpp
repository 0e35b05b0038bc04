// The connection that writes for this panel, as its other connections must know it: which process
// of the server serves it, when it was lost, and when it was made anew. That may be to another
// server, of which it is known that it takes writes, while the one before still answers those who
// read: they follow. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>

namespace prov::store::postgresql {

class WriterSession {
 public:
  // It was made. Tells the watchers.
  void Made();
  // How often it was. A connection of before may be to another server.
  std::uint64_t made() const { return made_; }
  // `process` of the server is about to commit for this panel.
  void Uses(int process) { process_ = process; }
  // From now on no process is its own: another panel's may have the number by now.
  void Forget() { process_ = 0; }
  // Forgets the process, if one is known, and tells the watchers: what it was asked to commit last
  // may be committed later, or never.
  void Lost();
  // 0: none that is known.
  int process() const { return process_; }

  // From now on what is told is written to `event`, an eventfd, until Unwatch().
  void Watch(int event);
  void Unwatch(int event);

 private:
  void Tell();

  std::atomic<std::uint64_t> made_{0};
  std::atomic<int> process_{0};
  std::mutex mutex_;
  std::set<int> watchers_;
};

}  // namespace prov::store::postgresql
