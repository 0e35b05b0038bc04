// The net role's process, from the executor's side: exec'ed afresh from this very binary, so that
// it shares no memory with the one that holds the keys; started again when it ends. What it is told
// is its configuration and the http key; of a terminal it has nothing. Not thread-safe.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>

#include "agent/channel.hpp"
#include "agent/executor/terminal.hpp"
#include "base/clock.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "base/result.hpp"

namespace prov::agent {

class NetProcess {
 public:
  // Starts the process with its end of the socket pair; tests speak for it themselves and return 0.
  using StartProcess = std::function<Result<pid_t>(int socket)>;

  // `network_namespace`: where it lives, -1 for the caller's own.
  NetProcess(Hello hello, int network_namespace, const Clock& clock, Logger& logger);
  NetProcess(Hello hello, StartProcess start, const Clock& clock, Logger& logger);
  ~NetProcess();

  // Ends it, to be started again with other keys.
  void Use(Hello hello);
  // Starts it where it is not running and the pause after the last end is over.
  void EnsureRunning();
  // How often it was started: another number is another process.
  unsigned starts() const { return starts_; }
  // -1 while there is none.
  int fd() const { return socket_.get(); }
  bool wants_to_write() const { return !outgoing_.empty(); }
  std::size_t unsent() const { return outgoing_.size(); }
  void Send(const Message& message);
  void Flush();
  // What has come; empty when it has ended, or sent nonsense and was ended for it.
  std::vector<Message> Read();
  // What it says to a terminal, for the event loop to pass on.
  TerminalRelay& relay() { return relay_; }
  // When EnsureRunning() has something to do; zero when it is running.
  Millis UntilRestart() const;
  void Stop();

 private:
  Status Start();
  void Ended(std::string_view why);

  Hello hello_;
  StartProcess start_;
  TerminalRelay relay_;
  const Clock& clock_;
  Logger& logger_;
  UniqueFd socket_;
  pid_t pid_ = -1;
  unsigned starts_ = 0;
  FrameReader reader_;
  std::string outgoing_;
  SteadyTime start_at_{};
  SteadyTime started_at_{};
  Millis pause_{200};
};

}  // namespace prov::agent
