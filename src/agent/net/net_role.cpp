#include "agent/net/net_role.hpp"

#include <cerrno>
#include <cstdio>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "agent/channel.hpp"
#include "agent/configuration.hpp"
#include "agent/exit_status.hpp"
#include "agent/net/channel_port.hpp"
#include "agent/net/name_service.hpp"
#include "agent/net/sandbox.hpp"
#include "base/json.hpp"
#include "net/task_group.hpp"
#include "transport/http/agent_link.hpp"
#include "transport/rabbitmq/agent_link.hpp"
#include "transport/rabbitmq/user.hpp"
#include "transport/redis/acl.hpp"
#include "transport/redis/agent_link.hpp"

namespace prov::agent {
namespace {

namespace asio = boost::asio;

Error Refused(std::string sentence) {
  return {ErrorCode::kPermissionDenied, std::move(sentence), {}};
}

// The first frame, byte by byte, so that nothing behind it is taken from who reads on.
Result<Hello> ReadHello() {
  FrameReader reader;
  for (Message message;;) {
    char byte = 0;
    const auto got = read(kChannel, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got != 1)
      return Error{ErrorCode::kInvalidArgument,
                   "this is a part of provisioning-agent and is started by it",
                   {}};
    reader.Feed({&byte, 1});
    PROV_TRY(const bool whole, reader.Next(message));
    if (!whole) continue;
    if (auto* hello = std::get_if<Hello>(&message)) return std::move(*hello);
    return Error{ErrorCode::kCorrupt, "the executor did not say hello", {}};
  }
}

Status DropCapabilities() {
  for (int each = 0; each <= 63; ++each) (void)prctl(PR_CAPBSET_DROP, each, 0, 0, 0);
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) return ErrnoError("cannot give up capabilities");
  return {};
}

// For good; checked by trying to take it back.
Status BecomeUser(const std::string& name) {
  if (geteuid() != 0) return {};  // nothing to give up
  if (name.empty()) return Refused("net_user is empty: the network process must not be root");
  const passwd* user = getpwnam(name.c_str());
  if (user == nullptr)
    return Refused("there is no user " + name + "; make it: useradd --system " + name);
  if (user->pw_uid == 0) return Refused("net_user must not be root");
  const auto uid = user->pw_uid;
  const auto gid = user->pw_gid;
  // The bounding set first: afterwards there is no right to it.
  for (int each = 0; each <= 63; ++each) (void)prctl(PR_CAPBSET_DROP, each, 0, 0, 0);
  if (setgroups(0, nullptr) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
    return ErrnoError("cannot become " + name);
  PROV_CHECK(DropCapabilities());
  if (setuid(0) == 0 || geteuid() != uid || getegid() != gid)
    return Refused("root's rights could be taken back");
  return {};
}

Status GiveUpPrivileges(const std::string& user) {
  PROV_CHECK(BecomeUser(user));
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoError("no_new_privs");
  // Not even another process of the same user may look into it.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return ErrnoError("dumpable");
  return {};
}

// Where certificates and keys are.
std::vector<Path> Readable(const NetConfiguration& configuration) {
  std::vector<Path> directories;
  const auto& redis = configuration.redis;
  const auto& rabbitmq = configuration.rabbitmq;
  for (const auto& file :
       {configuration.panel_ca_file, redis.ca_file, redis.client_certificate, redis.client_key,
        rabbitmq.ca_file, rabbitmq.client_certificate, rabbitmq.client_key}) {
    if (!file.empty()) directories.push_back(Path(file).parent_path());
  }
  return directories;
}

using Link = Result<std::unique_ptr<transport::AgentLink>>;

Link HttpLink(const NetConfiguration& configuration, signing::SecretBytes key,
              asio::any_io_executor executor, const Clock& clock, Random& random, Logger& logger) {
  transport::http::AgentLinkOptions options;
  options.agent = configuration.agent_id;
  options.generation = configuration.generation;
  options.http_key = std::move(key);
  options.panel_url = configuration.panel_url;
  options.ca_file = configuration.panel_ca_file;
  PROV_TRY(auto link, transport::http::HttpAgentLink::Create(executor, std::move(options), clock,
                                                             random, logger));
  return Link(std::move(link));
}

Link RedisLink(const NetConfiguration& configuration, const signing::SecretBytes& key,
               asio::any_io_executor executor, const Clock& clock, Random& random, Logger& logger) {
  transport::redis::AgentLinkOptions options;
  options.agent = configuration.agent_id;
  options.keys = configuration.redis.keys();
  PROV_TRY(options.connection, transport::redis::ConnectionOf(configuration.redis));
  if (configuration.redis_acl) {
    options.connection.url.user = transport::redis::AclUser(options.agent);
    options.connection.url.password = transport::redis::AclPassword(key.view(), options.agent);
  }
  PROV_TRY(auto link, transport::redis::RedisAgentLink::Create(executor, std::move(options), clock,
                                                               random, logger));
  return Link(std::move(link));
}

Link RabbitmqLink(const NetConfiguration& configuration, const signing::SecretBytes& key,
                  asio::any_io_executor executor, const Clock& clock, Random& random,
                  Logger& logger) {
  transport::rabbitmq::AgentLinkOptions options;
  options.agent = configuration.agent_id;
  PROV_TRY(options.connection, transport::rabbitmq::ConnectionOf(configuration.rabbitmq));
  if (configuration.rabbitmq_own_user) {
    options.connection.url.user = transport::rabbitmq::UserOf(options.agent);
    options.connection.url.password = transport::rabbitmq::PasswordOf(key.view(), options.agent);
  }
  PROV_TRY(auto link, transport::rabbitmq::RabbitmqAgentLink::Create(executor, std::move(options),
                                                                     clock, random, logger));
  return Link(std::move(link));
}

Link MakeLink(const NetConfiguration& configuration, signing::SecretBytes key,
              asio::any_io_executor executor, const Clock& clock, Random& random, Logger& logger) {
  if (configuration.redis.used())
    return RedisLink(configuration, key, executor, clock, random, logger);
  if (configuration.rabbitmq.used())
    return RabbitmqLink(configuration, key, executor, clock, random, logger);
  return HttpLink(configuration, std::move(key), executor, clock, random, logger);
}

Status Run() {
  PROV_TRY(auto hello, ReadHello());
  PROV_TRY(const auto configuration, json::Parse<NetConfiguration>(hello.configuration));
  PROV_CHECK(GiveUpPrivileges(configuration.user));
  PROV_CHECK(EnterSandbox(Readable(configuration)));
  const SystemClock clock;
  SystemRandom random;
  // Standard error is the executor's, which is the service manager's log.
  PROV_TRY(const auto logger, FileLogger::Open({}, LogLevel::kInfo, clock));
  asio::io_context io{1};
  ChannelPort port(
      asio::local::stream_protocol::socket(io, asio::local::stream_protocol(), kChannel));
  signing::SecretBytes key(std::move(hello.http_key));
  const auto executor = io.get_executor();
  PROV_TRY(const auto link,
           MakeLink(configuration, std::move(key), executor, clock, random, *logger));
  bool failed = false;
  net::TaskGroup tasks(io.get_executor(), [&](std::exception_ptr) {
    failed = true;
    io.stop();
  });
  const auto until_gone = [](ChannelPort& from,
                             asio::io_context& context) -> asio::awaitable<void> {
    co_await from.Read();
    context.stop();  // without the executor there is nothing to do
  };
  tasks.Spawn(until_gone(port, io));
  tasks.Spawn(port.Write());
  tasks.Spawn(link->Run(port));
  io.run();
  if (failed) return Error{ErrorCode::kInternal, "a part of the net role failed", {}};
  return {};
}

}  // namespace

int RunNetRole() {
  UseBuiltInNameService();
  const auto run = Run();
  if (run) return 0;
  std::fprintf(stderr, "provisioning-agent net-role: %s\n", run.error().ToString().c_str());
  return kCannotStart;
}

}  // namespace prov::agent
