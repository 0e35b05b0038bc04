// An agent without a machine. To the panel it is an agent: its keys come from an enrolment, it
// verifies orders and commands, and what it reports is numbered, signed and kept until the panel's
// signed acknowledgement (agent::Outbox). Only the journal and the script are missing: an order
// that is taken is accepted, running and succeeded at once.
//
// Single-threaded.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "agent/executor/outbox.hpp"
#include "base/random.hpp"
#include "job/command.hpp"
#include "ledger.hpp"
#include "net/event.hpp"
#include "signing/enrolment.hpp"
#include "transport/queue.hpp"

namespace prov::bench {

// What an enrolment leaves behind.
struct SimulatedIdentity {
  std::string agent;
  Uuid epoch;
  signing::AgentKeys keys;
  job::Facts facts;
};

class SimulatedAgent final : public transport::AgentPort {
 public:
  // `clock` and `ledger` outlive it.
  SimulatedAgent(boost::asio::any_io_executor executor, SimulatedIdentity identity,
                 const Clock& clock, Ledger& ledger);

  const SimulatedIdentity& identity() const { return identity_; }
  // What came and was not taken, as sentences.
  const std::vector<std::string>& refused() const { return refused_; }

  boost::asio::awaitable<Status> Take(std::string parcel) override;
  boost::asio::awaitable<Result<std::vector<Event>>> Events(std::uint64_t from,
                                                            std::size_t most_bytes) override;
  std::uint64_t last_event() const override { return outbox_.published(); }
  std::uint64_t acknowledged() const override { return outbox_.acknowledged(); }
  boost::asio::awaitable<void> Changed() override { co_await changed_.Wait(); }

 private:
  Status TakeParcel(const std::string& parcel);
  Status TakeOrder(const std::string& envelope);
  Status TakeCommand(job::CommandType type, const std::string& envelope);
  Result<std::string> Verified(const std::string& envelope, std::string_view type) const;
  Status Report(job::Event event);

  SimulatedIdentity identity_;
  const Clock& clock_;
  Ledger& ledger_;
  std::string job_keyid_;
  agent::Outbox outbox_;
  std::deque<std::pair<std::uint64_t, Uuid>> results_;  // not acknowledged, by their event
  std::vector<std::string> refused_;
  net::Event changed_;
};

}  // namespace prov::bench
