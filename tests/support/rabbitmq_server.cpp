#include "support/rabbitmq_server.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "support/free_port.hpp"

namespace prov::test {
namespace {

constexpr std::chrono::seconds kBoot{180};
constexpr const char* kScripts = "/usr/lib/rabbitmq/bin/";

// Ends with this process.
pid_t Fork(const std::string& command, const std::string& log) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  const int null = open("/dev/null", O_RDONLY);
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(null, 0);
  dup2(out, 1);
  dup2(out, 2);
  execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
  _exit(127);
}

void End(pid_t& pid) {
  if (pid < 0) return;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  pid = -1;
}

std::string Output(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot be run: " + command);
  std::string said;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) said += static_cast<char>(c);
  pclose(pipe);
  return said;
}

std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

RabbitmqServer::RabbitmqServer() {
  certificates_ = std::make_unique<TestCertificates>(directory_.path());
  for (auto* port : {&port_, &tls_port_, &management_port_, &distribution_port_, &epmd_port_})
    *port = FreePort();
  const auto& directory = directory_.path();
  std::ofstream(directory / ".erlang.cookie") << "a-test-of-its-own";
  chmod((directory / ".erlang.cookie").c_str(), 0400);
  std::ofstream(directory / "plugins") << "[rabbitmq_management].\n";
  std::ofstream(directory / "rabbitmq.conf")
      << "listeners.tcp.1 = 127.0.0.1:" << port_ << "\nlisteners.ssl.1 = 127.0.0.1:" << tls_port_
      << "\nssl_options.cacertfile = " << certificates_->ca.string()
      << "\nssl_options.certfile = " << certificates_->certificate.string()
      << "\nssl_options.keyfile = " << certificates_->key.string()
      << "\nssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true"
      << "\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = " << management_port_
      << "\ndisk_free_limit.absolute = 1MB\n";
  epmd_ = Fork("env ERL_EPMD_ADDRESS=127.0.0.1 epmd -port " + std::to_string(epmd_port_),
               directory / "epmd.log");
  Start();
}

RabbitmqServer::~RabbitmqServer() {
  End(pid_);
  End(epmd_);
}

RabbitmqServer& RabbitmqServer::Shared() {
  static RabbitmqServer server;
  if (server.pid_ < 0) server.Start();
  return server;
}

std::string RabbitmqServer::url(const std::string& vhost) const {
  return "amqp://guest:guest@127.0.0.1:" + std::to_string(port_) + "/" + vhost;
}

// Without a wrapper process: what is killed is the server.
std::string RabbitmqServer::Environment() const {
  const auto d = directory_.path().string();
  return "env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 RUNNING_UNDER_SYSTEMD=true HOME=" +
         d + " RABBITMQ_NODENAME=" + node() +
         " RABBITMQ_DIST_PORT=" + std::to_string(distribution_port_) +
         " ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=" + std::to_string(epmd_port_) +
         " RABBITMQ_MNESIA_BASE=" + d + "/data RABBITMQ_LOG_BASE=" + d +
         "/logs RABBITMQ_ENABLED_PLUGINS_FILE=" + d + "/plugins RABBITMQ_PID_FILE=" + d +
         "/pid RABBITMQ_CONFIG_FILE=" + d + "/rabbitmq RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=" +
         "'-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none' ";
}

void RabbitmqServer::Start() {
  pid_ = Fork(Environment() + kScripts + "rabbitmq-server", directory_.path() / "server.log");
  const auto until = std::chrono::steady_clock::now() + kBoot;
  while (!Answers()) {
    int status = 0;
    const bool gone = waitpid(pid_, &status, WNOHANG) != 0;
    if (gone) pid_ = -1;
    if (gone || std::chrono::steady_clock::now() > until) {
      std::ifstream log(directory_.path() / "server.log");
      throw std::runtime_error("rabbitmq-server does not start; is it installed? " +
                               std::string(std::istreambuf_iterator<char>(log), {}));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// The management API comes up last.
bool RabbitmqServer::Answers() const {
  return Api("GET", "health/checks/port-listener/" + std::to_string(port_)).find("\"ok\"") !=
         std::string::npos;
}

void RabbitmqServer::Kill() { End(pid_); }

void RabbitmqServer::StartEmpty() {
  std::filesystem::remove_all(directory_.path() / "data");
  Start();
}

void RabbitmqServer::Pause() { kill(pid_, SIGSTOP); }
void RabbitmqServer::Resume() {
  if (pid_ > 0) kill(pid_, SIGCONT);
}

std::string RabbitmqServer::MakeVhost() {
  auto vhost = "test-" + std::to_string(++vhosts_);
  MakeVhost(vhost);
  return vhost;
}

void RabbitmqServer::MakeVhost(const std::string& vhost) {
  Api("PUT", "vhosts/" + vhost);
  Api("PUT", "permissions/" + vhost + "/guest",
      R"({"configure": ".*", "write": ".*", "read": ".*"})");
}

void RabbitmqServer::DeleteVhost(const std::string& vhost) { Api("DELETE", "vhosts/" + vhost); }

std::string RabbitmqServer::Api(const std::string& method, const std::string& path,
                                const std::string& body) const {
  return Output("curl -s -m 20 -u guest:guest -H content-type:application/json -X " + method +
                (body.empty() ? "" : " -d " + Quoted(body)) +
                " http://127.0.0.1:" + std::to_string(management_port_) + "/api/" + path);
}

// What rabbitmqctl does, without its seconds.
void RabbitmqServer::SetMemoryAlarm(bool on) const {
  const auto call = "ok = rpc:call('" + node() +
                    "', vm_memory_monitor, set_vm_memory_high_watermark, [" +
                    (on ? "0.00001" : "0.4") + "]), io:format(\"done\"), halt().";
  const auto said = Output(Environment() + "erl -noinput -hidden -sname ctl" +
                           std::to_string(getpid()) + "@localhost -eval " + Quoted(call));
  if (said != "done") throw std::runtime_error("the memory limit cannot be set: " + said);
}

std::string RabbitmqServer::node() const { return "t" + std::to_string(port_) + "@localhost"; }

}  // namespace prov::test
