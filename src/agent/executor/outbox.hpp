// The agent's events: numbered, signed, and kept until the panel's acknowledgement. Durable as
// parts of journal records; here they are indexed for sending. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "agent/executor/records.hpp"
#include "base/clock.hpp"
#include "job/event.hpp"
#include "signing/keys.hpp"

namespace prov::agent {

class Outbox {
 public:
  Outbox(std::string agent, Uuid epoch, std::uint32_t generation, signing::SecretBytes event_key,
         const Clock& clock);

  // From now on, and for all that is still held: the same payloads under another signature.
  void UseKey(std::uint32_t generation, signing::SecretBytes event_key);

  // Numbers, dates and signs `event`, and keeps it: it is sent once Publish() was called.
  Result<StoredEvent> Add(job::Event event);
  // One read from the journal. It is signed anew where it was signed with keys of before.
  void Restore(StoredEvent event);
  void RestoreAcknowledged(std::uint64_t seq);
  // All that was added is durable.
  void Publish() { published_ = last_; }
  // The panel has committed everything up to `seq`. False for a number that was never given.
  bool Acknowledge(std::uint64_t seq);

  // Published events from `from` on, at least one where there is one.
  std::vector<std::string> Read(std::uint64_t from, std::size_t most_bytes,
                                std::uint64_t& first) const;
  std::uint64_t last() const { return last_; }
  std::uint64_t published() const { return published_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::size_t bytes() const { return bytes_; }
  const std::deque<StoredEvent>& events() const { return events_; }

 private:
  void SignAnew(StoredEvent& event) const;

  std::string agent_;
  Uuid epoch_;
  std::string keyid_;
  signing::SecretBytes key_;
  const Clock& clock_;
  std::deque<StoredEvent> events_;  // acknowledged_ + 1 .. last_
  std::uint64_t last_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace prov::agent
