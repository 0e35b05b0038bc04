#include "redis/subscriber.hpp"

#include <deque>
#include <map>
#include <set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "net/backoff.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"
#include "redis/reply_error.hpp"

namespace prov::redis {

namespace asio = boost::asio;

namespace {

Error SubscriberStopped() { return {ErrorCode::kCanceled, "the Redis subscriber was stopped"}; }

// A channel or a pattern.
struct Topic {
  bool pattern = false;
  std::string name;
  auto operator<=>(const Topic&) const = default;
};

Command SubscribeCommand(const Topic& topic) {
  return {topic.pattern ? "PSUBSCRIBE" : "SUBSCRIBE", topic.name};
}

Command UnsubscribeCommand(const Topic& topic) {
  return {topic.pattern ? "PUNSUBSCRIBE" : "UNSUBSCRIBE", topic.name};
}

std::string Subscribing(const Topic& topic) {
  return topic.pattern ? fmt::format(
                             "subscribing to {0}, which the ACL must allow as &{0}, word "
                             "for word",
                             topic.name)
                       : "subscribing to " + topic.name;
}

// The message in a push, or in RESP2's array: "message", channel, payload.
std::optional<Notice> ReadMessage(std::vector<Value>& parts) {
  Notice notice;
  if (parts.size() == 3 && parts[0].text == "message") {
    notice.channel = std::move(parts[1].text);
    notice.payload = std::move(parts[2].text);
    return notice;
  }
  if (parts.size() == 4 && parts[0].text == "pmessage") {
    notice.pattern = std::move(parts[1].text);
    notice.channel = std::move(parts[2].text);
    notice.payload = std::move(parts[3].text);
    return notice;
  }
  return std::nullopt;
}

}  // namespace

struct Subscriber::State : std::enable_shared_from_this<Subscriber::State> {
  State(std::unique_ptr<Connector> with, SubscriberOptions options_given, Random& random_given)
      : connector(std::move(with)),
        options(std::move(options_given)),
        random(random_given),
        executor(connector->executor()),
        available(executor),
        to_write(executor),
        was_refused(executor),
        tasks(executor) {}

  // ---- what is asked for

  void Add(Topic topic) {
    if (!wanted.insert(topic).second || !connection) return;
    Ask(topic);
  }

  void Remove(const Topic& topic) {
    if (wanted.erase(topic) == 0 || !connection) return;
    refused.erase(topic);
    asked.push_back({topic, false});
    AppendCommand(unsent, UnsubscribeCommand(topic));
    to_write.Notify();
  }

  void Ask(const Topic& topic) {
    asked.push_back({topic, true});
    AppendCommand(unsent, SubscribeCommand(topic));
    to_write.Notify();
  }

  // ---- what is kept for Next()

  static std::size_t Bytes(const Result<Notice>& notice) {
    return notice ? notice->channel.size() + notice->pattern.size() + notice->payload.size() : 0;
  }

  void Put(Result<Notice> notice) {
    // A server that stays away for long is one error.
    const bool again = !notice && !queue.empty() && !queue.back() &&
                       queue.back().error().ToString() == notice.error().ToString();
    if (again) return;
    const auto bytes = Bytes(notice);
    if (queue.size() < options.most_messages && queued_bytes + bytes <= options.most_bytes) {
      queued_bytes += bytes;
      queue.push_back(std::move(notice));
    } else if (!queue.empty() && queue.back() && queue.back()->kind == Notice::Kind::kDropped) {
      ++queue.back()->dropped;
    } else {
      queue.push_back(Notice{.kind = Notice::Kind::kDropped, .dropped = 1});
    }
    available.Notify();
  }

  asio::awaitable<Result<Notice>> Next() {
    const auto self = shared_from_this();
    while (queue.empty()) {
      if (stopped) co_return SubscriberStopped();
      co_await available.Wait();
    }
    auto notice = std::move(queue.front());
    queue.pop_front();
    queued_bytes -= Bytes(notice);
    co_return notice;
  }

  // ---- the connection

  static asio::awaitable<void> Run(std::shared_ptr<State> self) {
    net::Backoff backoff(self->options.first_pause, self->options.longest_pause, self->random);
    while (true) {
      auto opened = co_await self->connector->Connect();
      std::optional<Error> why;
      if (opened) {
        self->heard = false;
        why = co_await self->Serve(std::move(*opened));
        if (self->heard) backoff.Reset();
      } else {
        why = std::move(opened).error();
      }
      self->Put(std::move(*why));
      co_await net::Pause(backoff);
    }
  }

  // Returns why it ended.
  asio::awaitable<Error> Serve(std::unique_ptr<Connection> opened) {
    using namespace asio::experimental::awaitable_operators;
    struct AtEnd {
      State& state;
      ~AtEnd() { state.connection = nullptr; }
    } const at_end{*this};
    connection = opened.get();
    unsent.clear();
    asked.clear();
    refused.clear();
    confirmed = false;
    last_heard = std::chrono::steady_clock::now();
    for (const auto& topic : wanted) Ask(topic);
    std::optional<Error> why;
    co_await (ReadNotices(why) || WriteCommands(why) || Ping() || AskRefusedAgain());
    co_return why ? std::move(*why) : Error{ErrorCode::kInternal, "the connection ended", {}};
  }

  asio::awaitable<void> ReadNotices(std::optional<Error>& why) {
    while (true) {
      auto going = TakeNotices();
      if (going) going = co_await connection->Fill();
      if (!going) {
        if (!why) why = std::move(going).error();
        co_return;
      }
      last_heard = std::chrono::steady_clock::now();
      heard = true;
    }
  }

  Status TakeNotices() {
    while (true) {
      PROV_TRY(auto value, connection->Take());
      if (!value) return {};
      if (value->is_error()) {
        PROV_CHECK(Refused(value->text));
      } else if (value->type == Value::Type::kPush || value->type == Value::Type::kArray) {
        PROV_CHECK(Pushed(value->elements));
      }
      // A simple string is the answer to PING.
    }
  }

  // The answer to what was asked first and is not answered yet.
  Status Refused(std::string_view text) {
    auto error = FromErrorReply(text);
    if (asked.empty()) return error;
    const auto [topic, subscribe] = std::move(asked.front());
    asked.pop_front();
    if (subscribe && wanted.contains(topic)) {
      auto reason = error.ToString();
      auto& said = refused[topic];
      // Each reason once, however often it is asked again.
      if (reason != said) Put(std::move(error).While(Subscribing(topic)));
      said = std::move(reason);
      was_refused.Notify();
    }
    Answered();
    return {};
  }

  Status Pushed(std::vector<Value>& parts) {
    if (auto message = ReadMessage(parts)) {
      Put(std::move(*message));
      return {};
    }
    const std::string_view what = parts.empty() ? std::string_view() : parts[0].text;
    if (!what.ends_with("subscribe")) return {};  // "pong", or what is for others
    if (asked.empty()) return Error{ErrorCode::kCorrupt, "Redis confirmed what nobody asked for"};
    refused.erase(asked.front().topic);
    asked.pop_front();
    confirmed = true;
    Answered();
    return {};
  }

  void Answered() {
    if (asked.empty() && std::exchange(confirmed, false))
      Put(Notice{.kind = Notice::Kind::kSubscribed});
  }

  // The server's ACL may have been mended. Ends only with the connection.
  asio::awaitable<void> AskRefusedAgain() {
    net::Backoff backoff(options.first_pause, options.longest_pause, random);
    while (true) {
      while (refused.empty()) {
        backoff.Reset();
        co_await was_refused.Wait();
      }
      co_await net::Pause(backoff);
      // What was asked again is answered first.
      if (!asked.empty()) continue;
      for (const auto& [topic, why] : refused) Ask(topic);
    }
  }

  asio::awaitable<void> WriteCommands(std::optional<Error>& why) {
    while (true) {
      while (unsent.empty()) co_await to_write.Wait();
      auto written = co_await connection->Write(std::exchange(unsent, {}));
      if (!written) {
        if (!why) why = std::move(written).error();
        co_return;
      }
    }
  }

  // Ends only with the connection: Close() ends the reader.
  asio::awaitable<void> Ping() {
    asio::steady_timer timer(executor);
    while (true) {
      timer.expires_after(options.ping);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
      if (std::chrono::steady_clock::now() - last_heard >= 2 * options.ping)
        connection->Close(ErrorCode::kTimeout);
      AppendCommand(unsent, {"PING"});
      to_write.Notify();
    }
  }

  // ---- the end

  void Close() {
    if (std::exchange(stopped, true)) return;
    tasks.Close();
    tasks.CancelAll();
    queue.clear();
    queued_bytes = 0;
    available.Notify();
  }

  std::unique_ptr<Connector> connector;
  SubscriberOptions options;
  Random& random;
  asio::any_io_executor executor;
  std::set<Topic> wanted;
  struct Asked {
    Topic topic;
    bool subscribe = true;
  };
  std::deque<Asked> asked;               // over this connection, and not answered
  std::map<Topic, std::string> refused;  // over this connection: of those wanted, and why
  bool confirmed = false;                // any of those asked since the last kSubscribed
  Connection* connection = nullptr;
  std::string unsent;
  std::chrono::steady_clock::time_point last_heard;
  bool heard = false;  // anything over this connection
  std::deque<Result<Notice>> queue;
  std::size_t queued_bytes = 0;
  net::Event available;
  net::Event to_write;
  net::Event was_refused;
  bool stopped = false;
  net::TaskGroup tasks;
};

Subscriber::Subscriber(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Subscriber>> Subscriber::Create(asio::any_io_executor executor,
                                                       SubscriberOptions options, Random& random) {
  PROV_TRY(auto connector, Connector::Create(std::move(executor), options.connection));
  auto state = std::make_shared<State>(std::move(connector), std::move(options), random);
  state->tasks.Spawn(State::Run(state));
  return std::unique_ptr<Subscriber>(new Subscriber(std::move(state)));
}

Subscriber::~Subscriber() { state_->Close(); }

void Subscriber::Subscribe(std::string channel) { state_->Add({false, std::move(channel)}); }
void Subscriber::Unsubscribe(const std::string& channel) { state_->Remove({false, channel}); }
void Subscriber::SubscribePattern(std::string pattern) { state_->Add({true, std::move(pattern)}); }
void Subscriber::UnsubscribePattern(const std::string& pattern) { state_->Remove({true, pattern}); }

asio::awaitable<Result<Notice>> Subscriber::Next() { return state_->Next(); }

asio::awaitable<void> Subscriber::Stop() {
  const auto state = state_;
  state->Close();
  co_await state->tasks.Wait();
}

}  // namespace prov::redis
