#include "support/postgresql.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "support/free_port.hpp"

namespace prov::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnprivileged = "nobody";

// The newest that is installed.
std::string FindPrograms() {
  std::vector<std::string> found;
  std::error_code none;
  for (const auto& each : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(each.path() / "bin/initdb")) found.push_back((each.path() / "bin").string());
  }
  if (found.empty()) throw std::runtime_error("no PostgreSQL server: install postgresql");
  return *std::ranges::max_element(found);
}

// As nobody where this is root, which PostgreSQL refuses to be; killed when this process ends.
pid_t Spawn(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const auto home = "HOME=" + log.parent_path().string();
  const char* environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", home.c_str(), nullptr};
  const auto* user = geteuid() == 0 ? getpwnam(kUnprivileged) : nullptr;
  const pid_t starter = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(input, 0), dup2(output, 1), dup2(output, 2);
  close_range(3, ~0U, 0);
  if (user != nullptr && (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 ||
                          setuid(user->pw_uid) != 0 || chdir("/") != 0)) {
    _exit(126);
  }
  // After the change of user, which forgets it. SIGQUIT: all its processes end at once.
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (getppid() != starter) _exit(126);
  execve(argv[0], argv.data(), const_cast<char**>(environment));
  _exit(127);
}

std::string Read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

PostgresqlServer& PostgresqlServer::Shared() {
  static PostgresqlServer server;
  return server;
}

PostgresqlServer::PostgresqlServer(std::vector<std::string> settings)
    : settings_(std::move(settings)), programs_(FindPrograms()), port_(FreePort()) {
  const auto* user = geteuid() == 0 ? getpwnam(kUnprivileged) : nullptr;
  if (user != nullptr && chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error("chown");
  const auto data = (directory_.path() / "data").string();
  const auto log = directory_.path() / "initdb.log";
  const pid_t made = Spawn({programs_ + "/initdb", "-D", data, "-U", "postgres", "--auth=trust",
                            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
                           log);
  int status = 0;
  waitpid(made, &status, 0);
  if (status != 0) throw std::runtime_error("initdb: " + Read(log));
  // secretive is asked for a password.
  std::ofstream(data + "/pg_hba.conf")
      << "host all secretive 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
  Start();
  Sql("CREATE ROLE panel LOGIN");
}

PostgresqlServer::~PostgresqlServer() { Kill(); }

void PostgresqlServer::Start() {
  const auto log = directory_.path() / "log";
  std::vector<std::string> command{programs_ + "/postgres", "-D",
                                   (directory_.path() / "data").string(), "-p",
                                   std::to_string(port_)};
  std::vector<std::string> settings{
      "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off",
      "shared_buffers=16MB",        "max_connections=60",       "wal_level=minimal",
      "max_wal_senders=0"};
  settings.insert(settings.end(), settings_.begin(), settings_.end());
  for (const auto& setting : settings) {
    command.emplace_back("-c");
    command.push_back(setting);
  }
  postmaster_ = Spawn(command, log);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!Answers()) {
    if (std::chrono::steady_clock::now() > deadline || waitpid(postmaster_, nullptr, WNOHANG) != 0)
      throw std::runtime_error("postgres: " + Read(log));
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

bool PostgresqlServer::Answers() const {
  const auto command =
      programs_ + "/pg_isready -q -h 127.0.0.1 -p " + std::to_string(port_) + " >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

std::string PostgresqlServer::Url(const std::string& database, const std::string& user) const {
  return "postgresql://" + user + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PostgresqlServer::NewDatabase() {
  const auto name = "test" + std::to_string(++databases_);
  Sql("CREATE DATABASE " + name + " OWNER panel");
  return Url(name);
}

std::string PostgresqlServer::Sql(const std::string& statements, const std::string& database) {
  const auto command = programs_ + "/psql -XAtq -v ON_ERROR_STOP=1 -f - '" +
                       Url(database, "postgres") + "' >'" +
                       (directory_.path() / "answer").string() + "' 2>&1";
  FILE* pipe = popen(command.c_str(), "we");
  std::fputs(statements.c_str(), pipe);
  const bool good = pclose(pipe) == 0;
  auto answer = Read(directory_.path() / "answer");
  if (!good) throw std::runtime_error(statements + ": " + answer);
  while (answer.ends_with('\n')) answer.pop_back();
  return answer;
}

std::vector<pid_t> PostgresqlServer::Processes() const {
  std::vector<pid_t> all{postmaster_};
  std::ifstream children("/proc/" + std::to_string(postmaster_) + "/task/" +
                         std::to_string(postmaster_) + "/children");
  for (pid_t each = 0; children >> each;) all.push_back(each);
  return all;
}

void PostgresqlServer::Signal(int signal) const {
  if (postmaster_ <= 0) return;
  // The first one stands still before the others are counted, so that none is missing.
  kill(postmaster_, SIGSTOP);
  for (const auto each : Processes()) kill(each, signal);
}

void PostgresqlServer::Kill() {
  if (postmaster_ <= 0) return;
  const auto all = Processes();
  Signal(SIGKILL);
  waitpid(postmaster_, nullptr, 0);
  postmaster_ = -1;
  // The next one waits for those that use the shared memory.
  for (const auto each : all) {
    for (int i = 0; i < 500 && kill(each, 0) == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
}

void PostgresqlServer::Freeze() { Signal(SIGSTOP); }
void PostgresqlServer::Thaw() { Signal(SIGCONT); }

}  // namespace prov::test
