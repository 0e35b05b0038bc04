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

RabbitmqServer::RabbitmqServer() : RabbitmqServer(FreePort()) {
  UseTls();
  Manage();
  OwnEpmd();
  Start();
}

RabbitmqServer::RabbitmqServer(std::uint16_t epmd_port)
    : port_(FreePort()), distribution_port_(FreePort()), epmd_port_(epmd_port) {
  const auto& directory = directory_.path();
  std::ofstream(directory / ".erlang.cookie") << kCookie;
  chmod((directory / ".erlang.cookie").c_str(), 0400);
  // What another node's API says of this one, it has of this plugin.
  std::ofstream(directory / "plugins") << "[rabbitmq_management_agent].\n";
  Configure("{tcp_listeners, [{\"127.0.0.1\", " + std::to_string(port_) + "}]}");
  Configure("{disk_free_limit, 1000000}");
}

void RabbitmqServer::UseTls() {
  certificates_ = std::make_unique<TestCertificates>(directory_.path());
  tls_port_ = FreePort();
  Configure("{ssl_listeners, [{\"127.0.0.1\", " + std::to_string(tls_port_) + "}]}");
  Configure("{ssl_options, [{cacertfile, \"" + certificates_->ca.string() + "\"}, {certfile, \"" +
            certificates_->certificate.string() + "\"}, {keyfile, \"" +
            certificates_->key.string() +
            "\"}, {verify, verify_peer}, {fail_if_no_peer_cert, true}]}");
}

void RabbitmqServer::Manage() {
  management_port_ = FreePort();
  std::ofstream(directory_.path() / "plugins") << "[rabbitmq_management].\n";
}

void RabbitmqServer::OwnEpmd() {
  epmd_ = Fork("env ERL_EPMD_ADDRESS=127.0.0.1 epmd -port " + std::to_string(epmd_port_),
               directory_.path() / "epmd.log");
}

void RabbitmqServer::Configure(const std::string& setting) {
  settings_ += (settings_.empty() ? "" : ", ") + setting;
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
         "/pid RABBITMQ_CONFIG_FILE=" + d + "/rabbitmq RABBITMQ_ADVANCED_CONFIG_FILE=" + d +
         "/advanced.config RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=" +
         // One thread, which does not spin while it has nothing to do.
         "'-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none +sbwtdcpu none "
         "+sbwtdio none' ";
}

void RabbitmqServer::Start() {
  Launch();
  AwaitBoot();
}

// In Erlang's own form: to read a rabbitmq.conf costs a fifth of what it takes to start.
void RabbitmqServer::Launch() {
  std::ofstream file(directory_.path() / "advanced.config");
  file << "[{rabbit, [" << settings_ << "]}";
  if (management_port_ != 0) {
    file << ", {rabbitmq_management, [{tcp_config, [{ip, \"127.0.0.1\"}, {port, "
         << management_port_ << "}]}]}";
  }
  file << "].\n";
  file.close();
  pid_ = Fork(Environment() + kScripts + "rabbitmq-server", directory_.path() / "server.log");
}

void RabbitmqServer::AwaitBoot() {
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

// The management API comes up last; without it, the port. To ask costs more than to see that nobody
// listens.
bool RabbitmqServer::Answers() const {
  if (!IsOpen(port_)) return false;
  if (management_port_ == 0) return true;
  if (!IsOpen(management_port_)) return false;
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

void RabbitmqServer::SetMemoryAlarm(bool on) const {
  Evaluate("ok = rpc:call(Node, vm_memory_monitor, set_vm_memory_high_watermark, [" +
           std::string(on ? "0.00001" : "0.4") + "])");
}

// What rabbitmqctl does, without its seconds.
void RabbitmqServer::Evaluate(const std::string& expressions) const {
  const auto program =
      "Node = '" + node() + "', " + expressions + R"(, io:format("done"), halt().)";
  const auto said = Output(Environment() + "erl -noinput -hidden -sname ctl" +
                           std::to_string(getpid()) + "@localhost -eval " + Quoted(program));
  if (said != "done") throw std::runtime_error("RabbitMQ cannot be told to: " + said);
}

std::string RabbitmqServer::node() const { return "t" + std::to_string(port_) + "@localhost"; }

}  // namespace prov::test
