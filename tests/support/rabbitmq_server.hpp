// A real rabbitmq-server on loopback, in a directory of its own; it goes with the test, even where
// the test is killed. Starting takes seconds, so that tests of one program share one, and each has
// a virtual host of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/types.h>

#include "support/redis_server.hpp"
#include "support/temporary_directory.hpp"

namespace prov::test {

class RabbitmqServer {
 public:
  // Throws where there is no rabbitmq-server, or it does not start in three minutes.
  RabbitmqServer();
  RabbitmqServer(const RabbitmqServer&) = delete;
  ~RabbitmqServer();

  // The one of this program; it runs.
  static RabbitmqServer& Shared();

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }  // wants client certificates
  const TestCertificates& certificates() const { return *certificates_; }
  // Of the user guest.
  std::string url(const std::string& vhost) const;

  void Kill();        // SIGKILL
  void Start();       // again, on the same ports and data
  void StartEmpty();  // again, without its data
  void Pause();       // SIGSTOP
  void Resume();      // SIGCONT

  std::string MakeVhost();  // its name
  void MakeVhost(const std::string& vhost);
  void DeleteVhost(const std::string& vhost);
  // What the management API answers to the request: Api("GET", "queues/%2F").
  std::string Api(const std::string& method, const std::string& path,
                  const std::string& body = "") const;
  // As if the server were short of memory, which keeps it from taking messages; or as it was.
  void SetMemoryAlarm(bool on) const;

 private:
  friend class RabbitmqCluster;
  static constexpr const char* kCookie = "a-test-of-its-own";  // by which nodes know each other
  // Not started, without TLS and without the management API. Nodes with the same epmd, which is one
  // node's own, find each other.
  explicit RabbitmqServer(std::uint16_t epmd_port);
  void OwnEpmd();
  void UseTls();
  void Manage();                               // has the management API
  void Configure(const std::string& setting);  // of the application rabbit: "{disk_free_limit, 1}"
  void Launch();
  void AwaitBoot();
  // Erlang's expressions, by a node beside the server's, which they know as `Node`. Throws where
  // they fail.
  void Evaluate(const std::string& expressions) const;
  std::string node() const;
  bool running() const { return pid_ >= 0; }
  bool Answers() const;
  std::string Environment() const;

  TemporaryDirectory directory_;
  std::unique_ptr<TestCertificates> certificates_;
  std::string settings_;  // of the application rabbit
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::uint16_t management_port_ = 0;
  std::uint16_t distribution_port_ = 0;
  std::uint16_t epmd_port_ = 0;
  pid_t epmd_ = -1;
  pid_t pid_ = -1;
  int vhosts_ = 0;
};

}  // namespace prov::test
