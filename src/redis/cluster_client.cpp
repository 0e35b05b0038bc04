#include "redis/cluster_client.hpp"

#include <numeric>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "redis/reply_error.hpp"

namespace prov::redis {

namespace asio = boost::asio;

namespace {

using Steady = std::chrono::steady_clock;

Value ErrorReply(std::string_view why) {
  return {Value::Type::kError, fmt::format("CLUSTERDOWN {}", why)};
}

bool IsError(const Value& reply, std::string_view name) {
  return reply.is_error() && ErrorName(reply.text) == name;
}

Millis Left(SteadyTime until) {
  return std::max(Millis{1}, std::chrono::duration_cast<Millis>(until - Steady::now()));
}

}  // namespace

ClusterClient::ClusterClient(asio::any_io_executor executor, ClientOptions options,
                             std::unique_ptr<Connector> connector, Random& random)
    : executor_(executor),
      options_(std::move(options)),
      connector_(std::move(connector)),
      random_(random),
      to_learn_(executor),
      ended_learning_(executor),
      tasks_(executor) {}

Result<std::unique_ptr<Pipeline>> ClusterClient::Create(asio::any_io_executor executor,
                                                        ClientOptions options, Random& random) {
  if (!options.channels.empty())
    return Error{ErrorCode::kInvalidArgument, "the nodes of a Cluster are not subscribed to", {}};
  PROV_TRY(auto connector, Connector::Create(executor, options.connection));
  std::unique_ptr<ClusterClient> client(
      new ClusterClient(std::move(executor), std::move(options), std::move(connector), random));
  client->tasks_.Spawn(client->KeepLearning());
  return client;
}

ClusterClient::~ClusterClient() = default;

asio::awaitable<void> ClusterClient::Stop() {
  stopped_ = true;
  options_.on_change = {};
  tasks_.Close();
  tasks_.CancelAll();
  co_await tasks_.Wait();
  for (auto& [name, node] : std::exchange(nodes_, {})) co_await node.client->Stop();
  ended_learning_.Notify();
}

// ---- who has what

asio::awaitable<void> ClusterClient::KeepLearning() {
  net::Backoff backoff(options_.first_pause, options_.longest_pause, random_);
  for (;;) {
    while (!learning_) co_await to_learn_.Wait();
    const bool down = std::exchange(down_, false);
    if (down) connector_->AskAnother();
    auto map = co_await connector_->AskCluster();
    learnt_ = map ? Follow(std::move(*map)) : Status(map.error());
    learning_ = false;
    ended_learning_.Notify();
    Tell();
    if (learnt_ && !down) backoff.Reset();
    if (!learnt_) LearnAnew();
    // Also where it went well: a node that is away asks for it each time that it is dialled.
    co_await net::Pause(backoff);
  }
}

Status ClusterClient::Follow(ClusterMap map) {
  std::map<std::string, Node> nodes;
  for (const auto& address : map.nodes()) {
    const auto name = ToString(address);
    if (auto known = nodes_.extract(name)) {
      nodes.insert(std::move(known));
    } else {
      PROV_TRY(nodes[name], MakeNode(address));
    }
  }
  // Whoever asks one that is gone holds it until it has answered.
  nodes_ = std::move(nodes);
  map_ = std::move(map);
  return {};
}

Result<ClusterClient::Node> ClusterClient::MakeNode(const Address& address) {
  auto options = options_;
  options.connection.url.cluster = false;
  options.connection.url.addresses = {address};
  options.on_change = [this, name = ToString(address)](const Status& connection) {
    Changed(name, connection);
  };
  PROV_TRY(auto client, Client::Create(executor_, std::move(options), random_));
  Node node;
  node.client = std::move(client);
  return node;
}

void ClusterClient::LearnAnew() {
  learning_ = true;
  to_learn_.Notify();
}

asio::awaitable<void> ClusterClient::Learnt(SteadyTime until) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(executor_, until);
  co_await (ended_learning_.Wait() || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
}

void ClusterClient::Changed(const std::string& node, const Status& connection) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  found->second.connection = connection;
  // Its slots may be another one's by now.
  if (!connection) LearnAnew();
  Tell();
}

void ClusterClient::Tell() {
  Status now = learnt_;
  for (const auto& [name, node] : nodes_) {
    if (now) now = node.connection;
  }
  if (now && std::exchange(told_well_, true)) return;
  told_well_ = now.has_value();
  // A copy: it may stop the client.
  if (const auto hook = options_.on_change) hook(now);
}

// ---- commands

asio::awaitable<Result<std::vector<Value>>> ClusterClient::CallAll(std::vector<Command> commands,
                                                                   Millis within) {
  const auto until = Steady::now() + within;
  for (const auto& command : commands) {
    PROV_CO_CHECK(CheckShareable(command));
    if (command.size() < 2)
      co_return Error{ErrorCode::kInvalidArgument, "a command for a Cluster needs a key", {}};
  }
  if (nodes_.empty() && learning_) co_await Learnt(until);
  if (stopped_) co_return Error{ErrorCode::kCanceled, "the Redis client was stopped", {}};
  if (nodes_.empty())
    co_return learnt_ ? Error{ErrorCode::kUnavailable, std::string(kNoNode)} : learnt_.error();
  std::vector<Value> replies(commands.size());
  Indices all(commands.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  co_await Ask(commands, all, Left(until), replies);
  Indices moved;
  std::ranges::copy_if(all, std::back_inserter(moved),
                       [&](std::size_t i) { return IsError(replies[i], "MOVED"); });
  if (moved.empty()) co_return replies;
  // They were not carried out, so they may be sent again.
  LearnAnew();
  co_await Learnt(until);
  if (!stopped_) co_await Ask(commands, moved, Left(until), replies);
  co_return replies;
}

asio::awaitable<void> ClusterClient::Ask(std::span<const Command> commands, const Indices& which,
                                         Millis within, std::vector<Value>& replies) {
  std::map<std::string, Indices> by_node;
  for (const auto i : which) {
    const auto* const node = map_.NodeOf(commands[i][1]);
    if (node == nullptr) {
      replies[i] = ErrorReply(kNoNode);
      LearnAnew();
    } else {
      by_node[ToString(*node)].push_back(i);
    }
  }
  for (const auto& [name, indices] : by_node) {
    std::vector<Command> share;
    for (const auto i : indices) share.push_back(commands[i]);
    const auto node = nodes_.find(name);
    if (node == nodes_.end()) {
      for (const auto i : indices) replies[i] = ErrorReply("the node is no longer in the Cluster");
      continue;
    }
    const auto client = node->second.client;
    auto answered = co_await client->CallAll(std::move(share), within);
    for (std::size_t at = 0; at < indices.size(); ++at) {
      auto& reply = replies[indices[at]];
      reply = answered ? std::move((*answered)[at]) : ErrorReply(answered.error().ToString());
      down_ = down_ || (answered && IsError(reply, "CLUSTERDOWN"));
    }
    if (down_) LearnAnew();
  }
}

}  // namespace prov::redis
