// One connection to a Redis server: dialled, signed in, ready for commands.
//
// Single-threaded: used on the thread that runs its executor. The object outlives its operations.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "net/io.hpp"
#include "redis/resp.hpp"
#include "redis/url.hpp"

namespace prov::redis {

// The oldest server that is worked with: it has BLMOVE.
constexpr int kOldestMajor = 6;
constexpr int kOldestMinor = 2;

struct ConnectionOptions {
  Url url;
  // For rediss://. The CA must have issued the server's certificate; a client certificate and its
  // key only where the server asks for one.
  Path ca_file = "/etc/ssl/certs/ca-certificates.crt";
  Path client_certificate;
  Path client_key;
  // What plain redis:// sends, the password too, can be read on the way; without this it is refused
  // beyond loopback.
  bool plain_beyond_loopback = false;
  // Sentinels that want a password of their own.
  std::string sentinel_user;
  std::string sentinel_password;
  // Of a Cluster: the node that has this key; "": any that answers.
  std::string cluster_key;
  std::string name = "provisioning";  // CLIENT SETNAME: no spaces; "" for none
  Millis connect{10'000};             // name, TCP, TLS and signing in, of each server asked
  ParserLimits limits;
};

// How to sign in.
struct SignIn {
  std::string user;
  std::string password;
  std::string name;
  int database = 0;
  // A Sentinel's version is not that of the server.
  bool sentinel = false;
};

class Connection {
 public:
  // Greets with HELLO 3 (with AUTH where there is a password), and goes on with RESP2 where the
  // server does not know it. kUnauthenticated for a wrong or missing password, kUnsupported for a
  // server older than 6.2, kCorrupt where it is not Redis, or what ToResult() gives for the
  // server's answer.
  static boost::asio::awaitable<Result<std::unique_ptr<Connection>>> Open(
      std::unique_ptr<net::Io> io, SignIn sign_in, ParserLimits limits);

  // Sends a command and reads its reply; only one at a time. After any error that is not an answer
  // of the server the connection is broken: its end is then unknown, and a later call is refused
  // with the same code. `within` counts from now; kTimeout says that the command may have been
  // carried out. A server that says it is a replica (READONLY, UNBLOCKED), or does not serve the
  // key now (MOVED, CLUSTERDOWN), has its connection closed. Canceling the caller breaks the
  // connection too, so that no later call can take the reply for its own.
  boost::asio::awaitable<Result<Value>> Call(Command command, Millis within);

  // For those who read and write by themselves (Client, Subscriber), and do not mix it with Call.
  // An error means that the connection is broken.
  boost::asio::awaitable<Status> Write(std::string bytes);
  // The next reply or push; an error reply is a value here.
  boost::asio::awaitable<Result<Value>> Read();
  // As Read in two steps: what has been read already, and waiting for more bytes.
  Result<std::optional<Value>> Take();
  boost::asio::awaitable<Status> Fill();

  // What is waited for ends with `why`.
  void Close(ErrorCode why);
  bool broken() const { return broken_.has_value(); }
  bool resp3() const { return resp3_; }
  const std::string& server_version() const { return version_; }  // "7.0.15"
  // What the server said of itself on signing in: "master", "replica", or "" with RESP2.
  const std::string& role() const { return role_; }

 private:
  Connection(std::unique_ptr<net::Io> io, ParserLimits limits);
  boost::asio::awaitable<Status> Greet(const SignIn& sign_in);
  boost::asio::awaitable<Result<bool>> Hello(const SignIn& sign_in);
  boost::asio::awaitable<Status> GreetInResp2(const SignIn& sign_in);
  boost::asio::awaitable<Result<Value>> Ask(Command command);
  Status CheckVersion() const;

  std::unique_ptr<net::Io> io_;
  Parser parser_;
  std::optional<ErrorCode> broken_;
  bool resp3_ = false;
  std::string version_;
  std::string role_;
  std::array<char, 8192> chunk_;
};

}  // namespace prov::redis
