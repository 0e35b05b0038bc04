// A real PostgreSQL for tests, which ends with the process: on a free port of loopback, in a
// directory of its own, with fsync=off (what is killed here is processes, not machines).
//
//   PROV_REQUIRES("postgresql");
//   auto& server = test::PostgresqlServer::Shared();
//   const auto url = server.NewDatabase();
#pragma once

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "support/temporary_directory.hpp"

namespace prov::test {

class PostgresqlServer {
 public:
  // One for each process, made at the first call. Not thread-safe.
  static PostgresqlServer& Shared();

  // `settings` as the program's own: {"max_connections=9"}. Throws where it cannot be started.
  explicit PostgresqlServer(std::vector<std::string> settings = {});
  PostgresqlServer(const PostgresqlServer&) = delete;
  ~PostgresqlServer();

  int port() const { return port_; }
  // postgresql://panel@127.0.0.1:PORT/DATABASE, whose owner panel is; nobody asks for its password.
  std::string Url(const std::string& database, const std::string& user = "panel") const;
  std::string NewDatabase();  // the URL of an empty one

  // As the superuser, each statement by itself: what psql prints, without decoration.
  std::string Sql(const std::string& statements, const std::string& database = "postgres");

  // And waits until it answers. It ends with the thread that calls this.
  void Start();
  // Every process of it at once, as by a power cut.
  void Kill();
  // Every process of it stands still, or goes on.
  void Freeze();
  void Thaw();

 private:
  std::vector<pid_t> Processes() const;
  void Signal(int signal) const;
  bool Answers() const;

  std::vector<std::string> settings_;
  TemporaryDirectory directory_;
  std::string programs_;  // the directory of initdb and postgres
  int port_ = 0;
  int databases_ = 0;
  pid_t postmaster_ = -1;
};

}  // namespace prov::test
