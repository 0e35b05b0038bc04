#include "redis/connector.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "net/alarm.hpp"
#include "net/dial.hpp"

namespace prov::redis {

namespace asio = boost::asio;

namespace {

SignIn ServerSignIn(const ConnectionOptions& options) {
  return {options.url.user, options.url.password, options.name, options.url.database};
}

SignIn SentinelSignIn(const ConnectionOptions& options) {
  return {.user = options.sentinel_user,
          .password = options.sentinel_password,
          .name = options.name,
          .sentinel = true};
}

// ["127.0.0.1", "6379"], or null.
Result<Address> ReadMasterAddress(const Value& reply, const std::string& name) {
  if (reply.is_null()) {
    return Error{
        ErrorCode::kUnavailable,
        fmt::format("the Sentinel watches no master \"{}\"; is the name in the URL right?", name)};
  }
  Address address;
  const bool pair =
      reply.elements.size() == 2 && reply.elements[0].is_text() && reply.elements[1].is_text();
  if (pair) {
    const auto& port = reply.elements[1].text;
    address.host = reply.elements[0].text;
    std::from_chars(port.data(), port.data() + port.size(), address.port);
  }
  if (address.host.empty() || address.port == 0)
    return Error{ErrorCode::kCorrupt, "the Sentinel's answer is no address"};
  return address;
}

}  // namespace

Connector::Connector(asio::any_io_executor executor, ConnectionOptions options,
                     std::shared_ptr<net::TlsContext> tls)
    : executor_(std::move(executor)), options_(std::move(options)), tls_(std::move(tls)) {}

Result<std::unique_ptr<Connector>> Connector::Create(asio::any_io_executor executor,
                                                     ConnectionOptions options) {
  net::IgnoreSigpipe();
  if (options.url.addresses.empty())
    return Error{ErrorCode::kInvalidArgument, "no Redis server is named"};
  if (options.name.find_first_of(" \r\n") != std::string::npos)
    return Error{ErrorCode::kInvalidArgument, "a connection's name has no spaces"};
  std::shared_ptr<net::TlsContext> tls;
  if (options.url.tls) {
    PROV_TRY(tls, net::TlsContext::ForClient(options.ca_file, options.client_certificate,
                                             options.client_key));
  }
  return std::unique_ptr<Connector>(
      new Connector(std::move(executor), std::move(options), std::move(tls)));
}

asio::awaitable<Result<std::unique_ptr<Connection>>> Connector::Connect() {
  if (options_.url.sentinel()) co_return co_await FollowSentinels();
  if (options_.url.cluster) co_return co_await FollowCluster();
  co_return co_await ConnectTo(options_.url.addresses.front(), ServerSignIn(options_));
}

asio::awaitable<Result<std::unique_ptr<Connection>>> Connector::ConnectTo(Address address,
                                                                          SignIn sign_in) {
  const auto doing = fmt::format("Redis at {}", ToString(address));
  const auto until = std::chrono::steady_clock::now() + options_.connect;
  auto io = co_await net::Dial(executor_, {.host = address.host,
                                           .port = address.port,
                                           .tls = tls_,
                                           .plain_beyond_loopback = options_.plain_beyond_loopback,
                                           .within = options_.connect});
  if (!io) co_return std::move(io).error().While(doing);
  const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
  // Open() owns the Io, and ends soon after it is closed; the alarm goes before it does.
  auto& opened = **io;
  Result<std::unique_ptr<Connection>> connection = Error{};
  {
    const net::Alarm alarm(executor_, left, [&] { opened.Close(ErrorCode::kTimeout); });
    connection = co_await Connection::Open(std::move(*io), std::move(sign_in), options_.limits);
  }
  if (!connection) co_return std::move(connection).error().While(doing);
  co_return std::move(*connection);
}

asio::awaitable<Result<Address>> Connector::AskSentinel(Address sentinel) {
  PROV_CO_TRY(const auto connection, co_await ConnectTo(sentinel, SentinelSignIn(options_)));
  const auto& name = options_.url.master_name;
  PROV_CO_TRY(
      const auto reply,
      co_await connection->Call({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name}, options_.connect));
  co_return ReadMasterAddress(reply, name);
}

asio::awaitable<Result<std::unique_ptr<Connection>>> Connector::ConnectToMaster(Address address) {
  PROV_CO_TRY(auto connection, co_await ConnectTo(address, ServerSignIn(options_)));
  auto role = connection->role();
  if (role.empty()) {
    // ROLE wants a permission that an ACL user seldom has; with RESP3 it is told on signing in.
    PROV_CO_TRY(const auto reply, co_await connection->Call({"ROLE"}, options_.connect));
    if (!reply.elements.empty()) role = reply.elements.front().text;
  }
  if (role != "master") {
    co_return Error{ErrorCode::kUnavailable,
                    fmt::format("Redis at {} is named as the master and is not one (yet); a "
                                "failover is under way",
                                ToString(address))};
  }
  co_return std::move(connection);
}

asio::awaitable<Result<std::unique_ptr<Connection>>> Connector::FollowSentinels() {
  const auto& sentinels = options_.url.addresses;
  Error last{ErrorCode::kUnavailable, "no Sentinel was asked"};
  for (std::size_t i = 0; i < sentinels.size(); ++i) {
    const auto at = (first_ + i) % sentinels.size();
    const auto master = co_await AskSentinel(sentinels[at]);
    if (!master) {
      last = Error(master.error()).While("asking the Sentinel");
      continue;
    }
    auto connection = co_await ConnectToMaster(*master);
    if (connection) {
      first_ = at;
      co_return std::move(connection);
    }
    // Another Sentinel may know better.
    last = std::move(connection).error();
  }
  co_return last;
}

asio::awaitable<Result<ClusterMap>> Connector::AskNode(Address node) {
  PROV_CO_TRY(const auto connection, co_await ConnectTo(node, ServerSignIn(options_)));
  PROV_CO_TRY(const auto reply, co_await connection->Call({"CLUSTER", "SLOTS"}, options_.connect));
  co_return ClusterMap::Read(reply, node);
}

asio::awaitable<Result<ClusterMap>> Connector::AskCluster() {
  // The nodes that were named last know best; those in the URL may all be gone.
  auto asked = nodes_;
  if (!asked.empty())
    std::ranges::rotate(asked, asked.begin() + static_cast<std::ptrdiff_t>(turn_ % asked.size()));
  asked.insert(asked.end(), options_.url.addresses.begin(), options_.url.addresses.end());
  Error last{ErrorCode::kUnavailable, "no node of the Cluster was asked"};
  for (const auto& node : asked) {
    auto map = co_await AskNode(node);
    if (map) {
      nodes_ = map->nodes();
      co_return std::move(*map);
    }
    last = std::move(map).error().While("asking the Cluster");
  }
  co_return last;
}

asio::awaitable<Result<bool>> Connector::HasMoved() {
  AskAnother();
  PROV_CO_TRY(const auto map, co_await AskCluster());
  const auto* const node = map.NodeOf(options_.cluster_key);
  co_return !options_.cluster_key.empty() && node != nullptr && *node != connected_to_;
}

asio::awaitable<Result<std::unique_ptr<Connection>>> Connector::FollowCluster() {
  PROV_CO_TRY(const auto map, co_await AskCluster());
  if (!options_.cluster_key.empty()) {
    const auto* const node = map.NodeOf(options_.cluster_key);
    if (node == nullptr) co_return Error{ErrorCode::kUnavailable, std::string(kNoNode)};
    connected_to_ = *node;
    co_return co_await ConnectTo(*node, ServerSignIn(options_));
  }
  Error last{ErrorCode::kUnavailable, std::string(kNoNode)};
  for (const auto& node : map.nodes()) {
    auto connection = co_await ConnectTo(node, ServerSignIn(options_));
    if (connection) co_return std::move(connection);
    last = std::move(connection).error();
  }
  co_return last;
}

}  // namespace prov::redis
