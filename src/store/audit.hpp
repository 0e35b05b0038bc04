// The audit: append-only, each entry bound to the one before it by a SHA-256 hash chain
// (docs/formats/store.md, "The audit chain").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/actor.hpp"

namespace prov::store {

struct AuditEvent {
  WallTime at{};
  std::string user_id;
  std::string action;   // "job.created"
  std::string subject;  // an id
  boost::json::object detail;
};

struct AuditEntry {
  std::uint64_t sequence = 0;  // from 1, without a gap
  AuditEvent event;
  std::string detail_text;  // the exact bytes that were hashed
  std::string previous;     // the hash of the entry before; 32 zero bytes for the first
  std::string hash;         // 32 bytes
};

// The newest entry, kept apart from the entries, so that a cut at the end shows.
struct AuditHead {
  std::uint64_t sequence = 0;
  std::string hash;
  bool operator==(const AuditHead&) const = default;
};

struct AuditVerdict {
  std::uint64_t entries = 0;               // how many are good, from the first on
  std::optional<std::uint64_t> first_bad;  // the sequence that is wrong or missing
  std::string reason;                      // a sentence, when there is a bad one
};

struct AuditFilter {
  std::string user_id;            // empty: any
  std::string action;             // empty: any
  std::string subject;            // empty: any
  std::optional<WallTime> since;  // inclusive
  std::optional<WallTime> until;  // exclusive
};

std::string AuditHash(const AuditEntry& entry);

// Shared by the implementations: kPermissionDenied for anyone but an administrator.
Status CheckMayRead(const Actor& actor);

// Goes through a chain entry by entry. Pure.
class AuditVerifier {
 public:
  AuditVerifier();
  // False after the first bad entry.
  bool Take(const AuditEntry& entry);
  AuditVerdict Finish(const AuditHead& head);

 private:
  AuditVerdict verdict_;
  std::string last_;
};

class Audit {
 public:
  virtual ~Audit() = default;
  virtual Result<std::uint64_t> Append(const AuditEvent& event) = 0;
  // Entries above `sequence`, in order. kPermissionDenied for anyone but an administrator.
  virtual Result<std::vector<AuditEntry>> After(const Actor& actor, std::uint64_t sequence,
                                                std::size_t limit) = 0;
  // Newest first; only entries below `before`, where it is given. kPermissionDenied for anyone but
  // an administrator.
  virtual Result<std::vector<AuditEntry>> List(const Actor& actor, const AuditFilter& filter,
                                               const std::optional<std::uint64_t>& before,
                                               std::size_t limit) = 0;
  virtual Result<AuditHead> Head() = 0;
};

}  // namespace prov::store
