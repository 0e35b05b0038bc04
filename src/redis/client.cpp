#include "redis/client.hpp"

#include <deque>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/ascii.hpp"
#include "net/alarm.hpp"
#include "net/backoff.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"
#include "redis/reply_error.hpp"

namespace prov::redis {

namespace asio = boost::asio;

namespace {

using Steady = std::chrono::steady_clock;

// What one caller waits for: the replies to one or more commands. The queue of replies holds it as
// long as replies are due, whether or not the caller is still there.
struct Batch {
  Batch(asio::any_io_executor executor, std::size_t commands) : missing(commands), wake(executor) {}
  std::size_t missing;
  std::vector<Value> replies;
  std::optional<Error> failed;
  asio::steady_timer wake;
  bool done() const { return missing == 0 || failed; }
};

constexpr std::string_view kBlocking[] = {"BLPOP",  "BRPOP",    "BRPOPLPUSH", "BLMOVE",
                                          "BLMPOP", "BZPOPMIN", "BZPOPMAX",   "BZMPOP",
                                          "WAIT",   "WAITAOF"};
constexpr std::string_view kOfTheConnection[] = {
    "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE",
    "MONITOR",   "SYNC",       "PSYNC",      "MULTI",       "EXEC",         "DISCARD",
    "WATCH",     "UNWATCH",    "SELECT",     "AUTH",        "HELLO",        "RESET",
    "QUIT",      "READONLY",   "READWRITE",  "ASKING",      "SHUTDOWN"};

Error Lost(const Error& why) {
  return {
      why.code == ErrorCode::kTooLarge ? why.code : ErrorCode::kUnavailable,
      fmt::format("the connection to Redis was lost ({}) while the command was under way; it may "
                  "or may not have been carried out",
                  why.ToString())};
}

Error Stopped() { return {ErrorCode::kCanceled, "the Redis client was stopped"}; }

// What EXEC gave, or why none of it ran. `replies` are those to MULTI, to each command and to EXEC.
Result<std::vector<Value>> ReadTransaction(std::vector<Value> replies) {
  auto outcome = std::move(replies.back());
  if (outcome.type == Value::Type::kArray) return std::move(outcome.elements);
  for (const auto& reply : replies) {
    if (reply.is_error()) return FromErrorReply(reply.text);
  }
  if (outcome.is_error()) return FromErrorReply(outcome.text);
  return Error{ErrorCode::kCorrupt, "the answer to EXEC is not a list of replies"};
}

}  // namespace

Status CheckShareable(const Command& command) {
  if (command.empty()) return Error{ErrorCode::kInvalidArgument, "a command without a name"};
  const auto name = UpperCase(command.front());
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} {}", name.substr(0, 40), why)};
  };
  if (std::ranges::find(kBlocking, name) != std::end(kBlocking))
    return refuse("would keep all other commands waiting; give it a connection of its own");
  if (name == "XREAD" || name == "XREADGROUP") {
    for (const auto& argument : command) {
      const auto word = UpperCase(argument);
      if (word == "STREAMS") break;
      if (word == "BLOCK")
        return refuse(
            "with BLOCK would keep all other commands waiting; give it a connection of "
            "its own");
    }
  }
  const bool reply_off = name == "CLIENT" && command.size() > 1 &&
                         (UpperCase(command[1]) == "REPLY" || UpperCase(command[1]) == "TRACKING");
  if (reply_off || std::ranges::find(kOfTheConnection, name) != std::end(kOfTheConnection))
    return refuse("changes the connection that others share");
  return {};
}

struct Client::State : std::enable_shared_from_this<Client::State> {
  State(std::unique_ptr<Connector> with, ClientOptions options_given, Random& random_given)
      : connector(std::move(with)),
        options(std::move(options_given)),
        random(random_given),
        executor(connector->executor()),
        to_write(executor),
        went_down(executor),
        tasks(executor) {}

  // ---- callers

  // Queues the bytes and the replies that are due; no one comes between. They are sent when there
  // is a connection.
  Status Send(const std::shared_ptr<Batch>& batch, std::string_view bytes) {
    if (due_commands + batch->missing > options.most_calls) {
      return Error{ErrorCode::kExhausted,
                   fmt::format("{} commands are under way to Redis, and more than {} are not taken",
                               due_commands, options.most_calls)};
    }
    if (unsent.size() + bytes.size() > options.most_unsent_bytes) {
      return Error{ErrorCode::kExhausted,
                   fmt::format("{} bytes wait to be sent to Redis, and more than {} are not taken",
                               unsent.size(), options.most_unsent_bytes)};
    }
    if (due.empty()) last_heard = Steady::now();  // until now there was nothing to be said
    due.push_back(batch);
    due_commands += batch->missing;
    unsent.append(bytes);
    to_write.Notify();
    return {};
  }

  asio::awaitable<Result<std::vector<Value>>> Exchange(std::string bytes, std::size_t commands,
                                                       Millis within) {
    const auto self = shared_from_this();  // the client may go meanwhile
    const auto until = Steady::now() + within;
    if (stopped) co_return Stopped();
    if (!connection && failed) co_return Error(*failed);
    const auto batch = std::make_shared<Batch>(executor, commands);
    PROV_CO_CHECK(Send(batch, bytes));
    while (!batch->done()) {
      batch->wake.expires_at(until);
      co_await batch->wake.async_wait(asio::as_tuple(asio::use_awaitable));
      if (!batch->done() && Steady::now() >= until) {
        GiveUpIfSilent();
        co_return Error{
            ErrorCode::kTimeout,
            fmt::format("Redis did not answer within {} ms; the command may have been, or yet be, "
                        "carried out",
                        within.count())};
      }
    }
    if (batch->failed) co_return std::move(*batch->failed);
    co_return std::move(batch->replies);
  }

  void GiveUpIfSilent() {
    if (connection && !due.empty() && Steady::now() - last_heard >= options.silence)
      connection->Close(ErrorCode::kTimeout);
  }

  // ---- the connection

  static asio::awaitable<void> Run(std::shared_ptr<State> self) {
    struct AtEnd {
      State& state;
      ~AtEnd() { state.RunEnded(); }
    } const at_end{*self};
    auto& options = self->options;
    net::Backoff backoff(options.first_pause, options.longest_pause, self->random);
    while (true) {
      auto opened = co_await self->Open();
      if (opened) {
        const auto since = Steady::now();
        self->Became(std::move(*opened));
        self->Ended(co_await self->Serve());
        if (self->served > 0 || Steady::now() - since > options.longest_pause) {
          backoff.Reset();
          continue;
        }
      } else {
        self->Failed(std::move(opened).error());
      }
      co_await net::Pause(backoff);
    }
  }

  asio::awaitable<Result<std::unique_ptr<Connection>>> Open() {
    PROV_CO_TRY(auto opened, co_await connector->Connect());
    if (!options.channels.empty() && opened->resp3()) PROV_CO_CHECK(co_await SubscribeOn(*opened));
    co_return std::move(opened);
  }

  // What is confirmed is pushed; so the first answer is a refusal, or that to the PING behind.
  asio::awaitable<Status> SubscribeOn(Connection& opened) {
    const net::Alarm alarm(executor, options.connection.connect,
                           [&] { opened.Close(ErrorCode::kTimeout); });
    std::string bytes;
    for (const auto& channel : options.channels) AppendCommand(bytes, {"SUBSCRIBE", channel});
    AppendCommand(bytes, {"PING"});
    PROV_CO_CHECK(co_await opened.Write(std::move(bytes)));
    while (true) {
      PROV_CO_TRY(auto value, co_await opened.Read());
      if (value.type == Value::Type::kPush) continue;
      const auto answer = ToResult(std::move(value));
      if (!answer) co_return Error(answer.error()).While("subscribing");
      co_return Status{};
    }
  }

  void Pushed(const Value& value) {
    const auto& parts = value.elements;
    if (parts.size() != 3 || parts[0].text != "message") return;
    // A copy: it may stop the client.
    if (const auto hook = options.on_message) hook(parts[1].text, parts[2].text);
  }

  void RunEnded() {
    connection.reset();
    if (stopped) return;
    failed = Error{ErrorCode::kInternal, "the Redis client ended by a bug"};
    FailAll(*failed);
  }

  void Became(std::unique_ptr<Connection> opened) {
    connection = std::move(opened);
    failed.reset();
    served = 0;
    last_heard = Steady::now();
    Tell(Status{});
  }

  void Failed(Error why) {
    failed = std::move(why);
    FailAll(*failed);
    Tell(Error(*failed));
  }

  void Tell(const Status& status) {
    // A copy: it may stop the client.
    if (const auto hook = options.on_change) hook(status);
  }

  // Returns why it ended.
  asio::awaitable<Error> Serve() {
    using namespace asio::experimental::awaitable_operators;
    std::optional<Error> why;
    co_await (ReadReplies(why) || WriteCommands(why) || WatchCluster(why));
    Ends({ErrorCode::kInternal, "the connection ended", {}}, why);
    co_return std::move(*why);
  }

  // Of the first reason. What was called until now is lost with the connection; what is called from
  // now on is for the next one.
  void Ends(Error error, std::optional<Error>& why) {
    if (why) return;
    why = std::move(error);
    FailAll(Lost(*why));
  }

  void Ended(const Error& why) {
    connection.reset();
    Tell(Error(why));
  }

  void FailAll(const Error& why) {
    unsent.clear();
    due_commands = 0;
    for (auto& batch : std::exchange(due, {})) Fail(*batch, why);
  }

  static void Fail(Batch& batch, Error why) {
    batch.failed = std::move(why);
    batch.wake.cancel();
  }

  asio::awaitable<void> ReadReplies(std::optional<Error>& why) {
    while (true) {
      auto going = TakeReplies();
      if (going) going = co_await connection->Fill();
      if (!going) co_return Ends(std::move(going).error(), why);
      last_heard = Steady::now();
    }
  }

  // All replies that are here.
  Status TakeReplies() {
    while (true) {
      PROV_TRY(auto value, connection->Take());
      if (!value) return {};
      if (value->type == Value::Type::kPush) {
        Pushed(*value);
        continue;
      }
      if (due.empty())
        return Error{ErrorCode::kCorrupt, "Redis sent a reply that nobody asked for"};
      const std::string name(value->is_error() ? ErrorName(value->text) : "");
      const auto batch = due.front();
      batch->replies.push_back(std::move(*value));
      --due_commands;
      ++served;
      if (--batch->missing == 0) {
        due.pop_front();
        batch->wake.cancel();
      }
      if (name == "READONLY" && options.connection.url.sentinel())
        return Error{ErrorCode::kUnavailable, "the master has become a replica"};
      if (name == "MOVED" && options.connection.url.cluster) return Moved();
      if (name == "CLUSTERDOWN" && options.connection.url.cluster) {
        cluster_down = true;
        went_down.Notify();
      }
    }
  }

  static Error Moved() {
    return {ErrorCode::kUnavailable, "the key has moved to another node of the Cluster", {}};
  }

  // A Cluster that does not serve the key may have given it to another node without this one's
  // knowledge. Returns where it has; where it has not, the connection is as good as any.
  asio::awaitable<void> WatchCluster(std::optional<Error>& why) {
    net::Backoff backoff(options.first_pause, options.longest_pause, random);
    cluster_down = false;
    while (true) {
      while (!std::exchange(cluster_down, false)) {
        backoff.Reset();
        co_await went_down.Wait();
      }
      const auto moved = co_await connector->HasMoved();
      if (moved && *moved) co_return Ends(Moved(), why);
      co_await net::Pause(backoff);
    }
  }

  asio::awaitable<void> WriteCommands(std::optional<Error>& why) {
    while (true) {
      while (unsent.empty() || why) co_await to_write.Wait();
      auto written = co_await connection->Write(std::exchange(unsent, {}));
      if (!written) co_return Ends(std::move(written).error(), why);
    }
  }

  // ---- the end

  void Close() {
    if (std::exchange(stopped, true)) return;
    tasks.Close();
    tasks.CancelAll();
    FailAll(Stopped());
    options.on_change = {};
    options.on_message = {};
  }

  std::unique_ptr<Connector> connector;
  ClientOptions options;
  Random& random;
  asio::any_io_executor executor;
  std::unique_ptr<Connection> connection;  // while there is one
  std::optional<Error> failed;             // why there is none, since the last attempt
  std::deque<std::shared_ptr<Batch>> due;  // in the order of their commands
  std::size_t due_commands = 0;
  std::string unsent;
  net::Event to_write;
  bool cluster_down = false;  // as it answered since it was last asked who has the key
  net::Event went_down;
  Steady::time_point last_heard;  // or when the first of the calls under way was made
  std::size_t served = 0;         // replies over this connection
  bool stopped = false;
  net::TaskGroup tasks;
};

Client::Client(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Client>> Client::Create(asio::any_io_executor executor,
                                               ClientOptions options, Random& random) {
  PROV_TRY(auto connector, Connector::Create(std::move(executor), options.connection));
  auto state = std::make_shared<State>(std::move(connector), std::move(options), random);
  state->tasks.Spawn(State::Run(state));
  return std::unique_ptr<Client>(new Client(std::move(state)));
}

Client::~Client() { state_->Close(); }

asio::awaitable<Result<Value>> Client::Call(Command command) {
  return Call(std::move(command), state_->options.answer);
}

asio::awaitable<Result<Value>> Client::Call(Command command, Millis within) {
  PROV_CO_CHECK(CheckShareable(command));
  std::string bytes;
  AppendCommand(bytes, command);
  PROV_CO_TRY(auto replies, co_await state_->Exchange(std::move(bytes), 1, within));
  co_return ToResult(std::move(replies.front()));
}

asio::awaitable<Result<std::vector<Value>>> Client::CallAll(std::vector<Command> commands,
                                                            Millis within) {
  if (commands.empty()) co_return std::vector<Value>();
  std::string bytes;
  for (const auto& command : commands) {
    PROV_CO_CHECK(CheckShareable(command));
    AppendCommand(bytes, command);
  }
  co_return co_await state_->Exchange(std::move(bytes), commands.size(), within);
}

asio::awaitable<Result<std::vector<Value>>> Client::Transaction(std::vector<Command> commands,
                                                                Millis within) {
  std::string bytes;
  AppendCommand(bytes, {"MULTI"});
  for (const auto& command : commands) {
    PROV_CO_CHECK(CheckShareable(command));
    AppendCommand(bytes, command);
  }
  AppendCommand(bytes, {"EXEC"});
  PROV_CO_TRY(auto replies,
              co_await state_->Exchange(std::move(bytes), commands.size() + 2, within));
  co_return ReadTransaction(std::move(replies));
}

bool Client::connected() const { return state_->connection != nullptr && !state_->stopped; }

std::size_t Client::calls_under_way() const { return state_->due_commands; }

asio::awaitable<void> Client::Stop() {
  const auto state = state_;
  state->Close();
  co_await state->tasks.Wait();
}

}  // namespace prov::redis
