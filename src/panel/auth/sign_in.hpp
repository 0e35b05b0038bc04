// Signing in and out, and one's own password. HTTP is the caller's; here are the rules.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "panel/auth/accounts.hpp"
#include "panel/auth/password.hpp"
#include "panel/dispatch/job_service.hpp"
#include "panel/store_gate.hpp"

namespace prov::panel {

struct Credentials {
  std::string name;
  std::string password;
  std::string address;      // of the client
  std::string old_session;  // the hash of a session that this browser had; it ends. "" for none
};

struct SignedIn {
  store::User user;
  store::Session session;
  std::string token;  // for the cookie
};

struct PasswordChange {
  std::string session;  // the hash of one's own, which stays
  std::string current_password;
  std::string new_password;
  std::string address;
};

class SignIn {
 public:
  SignIn(StoreGate& store, PasswordPool& passwords, const Clock& clock, Random& random,
         Logger& logger)
      : store_(store),
        passwords_(passwords),
        clock_(clock),
        random_(random),
        logger_(logger),
        nobody_(passwords.OfNobody()) {}

  // invalid_credentials (401) for an unknown name, a wrong password and a disabled user alike,
  // after the same work; too_many_attempts (429); unavailable.
  boost::asio::awaitable<OrProblem<SignedIn>> Enter(Credentials credentials);
  // The user's other sessions end. invalid_input (422) on /current_password or /new_password;
  // too_many_attempts; not_found where the session is gone.
  boost::asio::awaitable<OrProblem<store::User>> ChangePassword(PasswordChange change);
  // One session, or all of its user's.
  boost::asio::awaitable<Status> Leave(std::string session, bool everywhere);

 private:
  struct Account {
    std::optional<store::User> user;  // nothing for a name that nobody has
    std::optional<Seconds> wait;      // before anything may be tried
  };
  boost::asio::awaitable<Result<Account>> Find(std::string account, std::string address);
  boost::asio::awaitable<OrProblem<bool>> Try(std::string account, std::string address,
                                              std::string hash, std::string password);
  boost::asio::awaitable<void> TakeBack(std::string account, std::string address);
  boost::asio::awaitable<net::Problem> Refuse(std::optional<store::User> user, std::string address);

  StoreGate& store_;
  PasswordPool& passwords_;
  const Clock& clock_;
  Random& random_;
  Logger& logger_;
  std::string nobody_;  // the hash that is looked at for a name that nobody has
};

}  // namespace prov::panel
