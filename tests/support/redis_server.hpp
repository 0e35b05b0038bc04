// A real redis-server on loopback, in a directory of its own; it goes with the test, even where the
// test is killed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "support/temporary_directory.hpp"

namespace prov::test {

// PEM files of a CA made for the test: a certificate for 127.0.0.1 and localhost, one of a client,
// and another CA, which issued neither.
struct TestCertificates {
  explicit TestCertificates(const std::filesystem::path& directory);
  std::filesystem::path ca, certificate, key, client_certificate, client_key, other_ca;
};

struct RedisOptions {
  std::vector<std::string> configuration;  // lines of redis.conf: "requirepass x"
  std::vector<std::string> acl;            // lines of its ACL file
  bool tls = false;                        // a TLS port besides, which wants client certificates
  bool sentinel = false;
  bool cluster = false;  // a node, of nothing yet
  bool wait = true;      // until it answers; LOADING is an answer
};

class RedisServer {
 public:
  // Throws where there is no redis-server, or it does not start in 20 s.
  explicit RedisServer(RedisOptions options = {});
  RedisServer(const RedisServer&) = delete;
  ~RedisServer();

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }
  std::uint16_t cluster_port() const { return cluster_port_; }
  const std::filesystem::path& directory() const { return directory_.path(); }
  const TestCertificates& certificates() const { return *certificates_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

  void Kill();    // SIGKILL
  void Start();   // again, on the same ports and data
  void Pause();   // SIGSTOP
  void Resume();  // SIGCONT
  pid_t pid() const { return pid_; }
  // What redis-cli prints for these arguments ("SET a 1").
  std::string Cli(const std::string& arguments) const;

 private:
  void WriteConfiguration() const;
  bool Answers() const;

  RedisOptions options_;
  TemporaryDirectory directory_;
  std::unique_ptr<TestCertificates> certificates_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::uint16_t cluster_port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace prov::test
