// The panel's end of the embedded transport: a queue in memory for each agent, which the agent
// empties by long polls, and the way in for its events. What is lost with the process is sent again
// by the reconciler.
//
// Single-threaded: every call is made on the thread that runs the executor.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "net/router.hpp"
#include "transport/directory.hpp"
#include "transport/http/messages.hpp"
#include "transport/http/nonce_window.hpp"
#include "transport/queue.hpp"

namespace prov::transport::http {

struct PanelEndLimits {
  std::size_t parcels = 1000;  // waiting for one agent
  std::size_t parcels_at_once = 16;
  std::size_t requests = 100'000;  // of one agent within kNonceLife; each costs its nonce's memory
  Millis poll = kLongestPoll;
};

class PanelEnd final : public JobQueue {
 public:
  PanelEnd(boost::asio::any_io_executor executor, const Clock& clock, EventSink& sink,
           AgentDirectory& directory, Registrar& registrar, Logger& logger,
           PanelEndLimits limits = {});
  ~PanelEnd() override;

  // POST /agent/v1/enroll, poll, events. Open to the router, because they have an authentication of
  // their own: a token's MAC, and signed requests.
  void AddRoutes(net::Router& router);
  // Answers every poll, and from now on at once.
  void Close();
  // Agents about whom anything is kept.
  std::size_t remembered() const;

  boost::asio::awaitable<Status> Push(std::string agent, Parcel parcel) override;
  boost::asio::awaitable<Result<bool>> Holds(std::string agent, Parcel parcel) override;
  boost::asio::awaitable<Result<std::size_t>> Depth(std::string agent) override;

 private:
  struct Mailbox {
    std::vector<Parcel> parcels;  // not known to be taken
    std::uint64_t poll = 0;       // the newest one, which ends older ones
    // The newest poll's, while it waits. Thousands wait, so that each has one timer for both what
    // may wake it and its end.
    boost::asio::steady_timer* waiting = nullptr;
    void Wake() {
      if (waiting != nullptr) waiting->cancel();
    }
  };

  boost::asio::awaitable<net::Response> Enroll(net::Request request);
  boost::asio::awaitable<net::Response> Poll(net::Request request);
  boost::asio::awaitable<net::Response> Events(net::Request request);
  // Who signed the request; the answer to give where nobody did.
  boost::asio::awaitable<Result<std::string>> Authenticate(const net::Request& request);
  boost::asio::awaitable<Result<std::string>> Deliver(std::string agent,
                                                      std::vector<std::string> events);
  boost::asio::awaitable<void> WaitForParcels(net::Request& request,
                                              std::shared_ptr<Mailbox> mailbox, std::uint64_t poll);
  std::shared_ptr<Mailbox> MailboxOf(const std::string& agent);
  net::Response Refused(const net::Request& request, const Error& error);
  // The time that is told to agents and demanded of them: never set back.
  WallTime Now();
  void ForgetWhoLeft();

  boost::asio::any_io_executor executor_;
  const Clock& clock_;
  EventSink& sink_;
  AgentDirectory& directory_;
  Registrar& registrar_;
  Logger& logger_;
  PanelEndLimits limits_;
  std::map<std::string, std::shared_ptr<Mailbox>> mailboxes_;
  std::map<std::string, NonceWindow> nonces_;
  SteadyTime swept_{};  // mailboxes_ and nonces_
  WallTime anchor_wall_{};
  SteadyTime anchor_steady_{};
  bool closed_ = false;
};

}  // namespace prov::transport::http
