#include "support/redis_server.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "support/free_port.hpp"

namespace prov::test {
namespace {

constexpr std::chrono::seconds kStart{20};

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void Shell(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

void MakeCa(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  Shell(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
      "/CN=test-ca -keyout " +
      key.string() + " -out " + certificate.string() + " 2>/dev/null");
}

void Issue(const std::filesystem::path& ca, const std::filesystem::path& ca_key,
           const std::filesystem::path& certificate, const std::filesystem::path& key) {
  const auto extensions = certificate.string() + ".ext";
  std::ofstream(extensions) << "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
  Shell("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test -keyout " +
        key.string() + " 2>/dev/null | openssl x509 -req -days 2 -CAcreateserial -CA " +
        ca.string() + " -CAkey " + ca_key.string() + " -extfile " + extensions + " -out " +
        certificate.string() + " 2>/dev/null");
}

}  // namespace

TestCertificates::TestCertificates(const std::filesystem::path& directory)
    : ca(directory / "ca.pem"),
      certificate(directory / "server.pem"),
      key(directory / "server.key"),
      client_certificate(directory / "client.pem"),
      client_key(directory / "client.key"),
      other_ca(directory / "other-ca.pem") {
  MakeCa(ca, directory / "ca.key");
  MakeCa(other_ca, directory / "other-ca.key");
  Issue(ca, directory / "ca.key", certificate, key);
  Issue(ca, directory / "ca.key", client_certificate, client_key);
}

RedisServer::RedisServer(RedisOptions options) : options_(std::move(options)) {
  if (options_.tls) certificates_ = std::make_unique<TestCertificates>(directory());
  // Somebody else may take a port between finding and using it.
  for (int attempt = 1;; ++attempt) {
    port_ = FreePort();
    if (options_.tls) tls_port_ = FreePort();
    if (options_.cluster) cluster_port_ = FreePort();
    WriteConfiguration();
    try {
      Start();
      return;
    } catch (const std::runtime_error&) {
      Kill();
      if (attempt == 3) throw;
    }
  }
}

RedisServer::~RedisServer() { Kill(); }

void RedisServer::WriteConfiguration() const {
  std::ofstream file(directory() / "redis.conf");
  file << "bind 127.0.0.1\nport " << port_ << "\ndir " << directory().string()
       << "\nlogfile log\ndaemonize no\n";
  if (!options_.sentinel) file << "save \"\"\n";
  if (options_.tls) {
    file << "tls-port " << tls_port_ << "\ntls-cert-file " << certificates_->certificate.string()
         << "\ntls-key-file " << certificates_->key.string() << "\ntls-ca-cert-file "
         << certificates_->ca.string() << "\ntls-auth-clients yes\n";
  }
  if (options_.cluster) {
    file << "cluster-enabled yes\ncluster-port " << cluster_port_
         << "\ncluster-node-timeout 1000\ncluster-require-full-coverage no\n";
  }
  if (!options_.acl.empty()) {
    std::ofstream acl(directory() / "users.acl");
    for (const auto& line : options_.acl) acl << line << "\n";
    file << "aclfile " << (directory() / "users.acl").string() << "\n";
  }
  for (const auto& line : options_.configuration) file << line << "\n";
}

void RedisServer::Start() {
  const auto configuration = (directory() / "redis.conf").string();
  const char* const program[] = {"redis-server", configuration.c_str(),
                                 options_.sentinel ? "--sentinel" : nullptr, nullptr};
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int null = open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(null, fd);
    execvp(program[0], const_cast<char* const*>(program));
    _exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + kStart;
  while (options_.wait && !Answers()) {
    int status = 0;
    const bool gone = waitpid(pid_, &status, WNOHANG) != 0;
    if (gone) pid_ = -1;
    if (gone || std::chrono::steady_clock::now() > until) {
      std::ifstream log(directory() / "log");
      throw std::runtime_error("redis-server does not start; is it installed? " +
                               std::string(std::istreambuf_iterator<char>(log), {}));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool RedisServer::Answers() const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = Loopback(port_);
  char byte = 0;
  const bool answers =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && recv(fd, &byte, 1, 0) == 1;
  close(fd);
  return answers;
}

void RedisServer::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::Pause() { kill(pid_, SIGSTOP); }
void RedisServer::Resume() { kill(pid_, SIGCONT); }

std::string RedisServer::Cli(const std::string& arguments) const {
  const auto command = "redis-cli -p " + std::to_string(port_) + " " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("redis-cli cannot be run");
  std::string said;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) said += static_cast<char>(c);
  pclose(pipe);
  while (said.ends_with('\n')) said.pop_back();
  return said;
}

}  // namespace prov::test
