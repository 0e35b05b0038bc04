#include "agent/executor/outbox.hpp"

#include "base/encoding.hpp"
#include "signing/dsse.hpp"

namespace prov::agent {

Outbox::Outbox(std::string agent, Uuid epoch, std::uint32_t generation,
               signing::SecretBytes event_key, const Clock& clock)
    : agent_(std::move(agent)),
      epoch_(epoch),
      keyid_(signing::KeyId(signing::Purpose::kEvent, agent_, generation)),
      key_(std::move(event_key)),
      clock_(clock) {}

Result<StoredEvent> Outbox::Add(job::Event event) {
  event.v = 1;
  event.agent = agent_;
  event.epoch = epoch_;
  event.seq = last_ + 1;
  event.oldest = acknowledged_ + 1;
  event.time = clock_.Now();
  PROV_TRY(const auto payload, job::SerializeEvent(event));
  // The panel reads strictly, and one event it cannot read would hold up all that follow.
  if (!IsUtf8(payload))
    return Error{ErrorCode::kInvalidArgument, "the event would not be UTF-8", {}};
  StoredEvent stored{event.seq,
                     signing::Sign(job::kEventPayloadType, payload, keyid_, key_.view())};
  last_ = stored.seq;
  bytes_ += stored.bytes.size();
  events_.push_back(stored);
  return stored;
}

void Outbox::UseKey(std::uint32_t generation, signing::SecretBytes event_key) {
  keyid_ = signing::KeyId(signing::Purpose::kEvent, agent_, generation);
  key_ = std::move(event_key);
  for (auto& event : events_) {
    bytes_ -= event.bytes.size();
    SignAnew(event);
    bytes_ += event.bytes.size();
  }
}

// The journal is root's alone, so its word is taken for what it holds: a panel whose secret was
// replaced could not verify what was signed under the old one.
void Outbox::SignAnew(StoredEvent& event) const {
  const signing::VerificationKey keys[] = {{keyid_, key_.view()}};
  if (signing::Verify(event.bytes, job::kEventPayloadType, keys, job::kMaxSignedEventBytes)) return;
  const auto payload = signing::ClaimedPayload(event.bytes, job::kMaxSignedEventBytes);
  if (payload) event.bytes = signing::Sign(job::kEventPayloadType, *payload, keyid_, key_.view());
}

void Outbox::Restore(StoredEvent event) {
  // A compacted journal keeps a job's last event even where it was acknowledged.
  if (event.seq <= last_) return;
  SignAnew(event);
  if (events_.empty()) acknowledged_ = event.seq - 1;
  last_ = published_ = event.seq;
  bytes_ += event.bytes.size();
  events_.push_back(std::move(event));
}

bool Outbox::Acknowledge(std::uint64_t seq) {
  if (seq > published_) return false;
  while (!events_.empty() && events_.front().seq <= seq) {
    bytes_ -= events_.front().bytes.size();
    events_.pop_front();
  }
  acknowledged_ = std::max(acknowledged_, seq);
  return true;
}

void Outbox::RestoreAcknowledged(std::uint64_t seq) {
  if (seq > last_) {
    events_.clear();
    bytes_ = 0;
    last_ = published_ = acknowledged_ = seq;
  }
  (void)Acknowledge(seq);
}

std::vector<std::string> Outbox::Read(std::uint64_t from, std::size_t most_bytes,
                                      std::uint64_t& first) const {
  std::vector<std::string> read;
  first = std::max(from, acknowledged_ + 1);
  std::size_t bytes = 0;
  for (auto seq = first; seq <= published_; ++seq) {
    const auto& event = events_[seq - acknowledged_ - 1];
    if (!read.empty() && bytes + event.bytes.size() > most_bytes) break;
    bytes += event.bytes.size();
    read.push_back(event.bytes);
  }
  return read;
}

}  // namespace prov::agent
