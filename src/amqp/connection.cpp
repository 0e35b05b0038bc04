#include "amqp/connection.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <map>
#include <set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "amqp/codec.hpp"
#include "amqp/reply_error.hpp"
#include "net/alarm.hpp"
#include "net/dial.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"

namespace prov::amqp {

namespace asio = boost::asio;

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::uint16_t kMostChannels = 2047;
constexpr std::uint32_t kLeastFrameBytes = 4096;  // of AMQP

// False where the time was over first.
asio::awaitable<bool> WaitUntil(net::Event& event, Steady::time_point until) {
  using namespace asio::experimental::awaitable_operators;
  if (Steady::now() >= until) co_return false;
  asio::steady_timer timer(co_await asio::this_coro::executor, until);
  co_await (event.Wait() || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
  co_return true;
}

Error Canceled() { return {ErrorCode::kCanceled, "the connection to RabbitMQ was closed", {}}; }

}  // namespace

Result<std::shared_ptr<net::TlsContext>> MakeTls(const ConnectionOptions& options) {
  net::IgnoreSigpipe();
  if (!options.url.tls) return std::shared_ptr<net::TlsContext>();
  return net::TlsContext::ForClient(options.ca_file, options.client_certificate,
                                    options.client_key);
}

// What one caller waits for. The channel holds it until it was answered, whether or not the caller
// is still there, so that no other gets its answer.
struct Answer {
  std::optional<Result<QueueState>> result;
};

struct Channel::State {
  State(std::shared_ptr<Connection::State> of, ChannelNumber with, asio::any_io_executor executor)
      : connection(std::move(of)), number(with), answered(executor), delivered(executor) {}

  void Close(const Error& why);
  // What comes late must not be taken for another's answer; the connection ends by its heartbeats.
  Error Abandon(std::string why);
  void Leave(const Error& why);
  void Answered(Result<QueueState> result) {
    if (calls.empty()) return;
    calls.front()->result = std::move(result);
    calls.pop_front();
    answered.Notify();
  }
  void Confirm(const Confirmed& confirmed) {
    const auto first = confirmed.multiple ? unconfirmed.begin() : unconfirmed.find(confirmed.tag);
    const auto last = unconfirmed.upper_bound(confirmed.tag);
    if (first == unconfirmed.end()) return;
    // What was sent back is confirmed next, others with it perhaps: then they are sent twice.
    if (!confirmed.taken || std::exchange(returned, false)) {
      for (auto each = first; each != last; ++each)
        refused[*each] = confirmed.taken ? ErrorCode::kNotFound : ErrorCode::kExhausted;
    }
    unconfirmed.erase(first, last);
    answered.Notify();
  }

  std::shared_ptr<Connection::State> connection;
  ChannelNumber number;
  std::optional<Error> closed;
  std::deque<std::shared_ptr<Answer>> calls;
  net::Event answered;  // calls, and what was published
  std::deque<Delivery> deliveries;
  net::Event delivered;
  std::uint64_t published = 0;  // the last one's tag
  std::set<std::uint64_t> unconfirmed;
  std::map<std::uint64_t, ErrorCode> refused;
  bool returned = false;  // a message, whose confirmation is still to come
};

struct Connection::State : std::enable_shared_from_this<Connection::State> {
  State(asio::any_io_executor on, ConnectionOptions with, std::unique_ptr<net::Io> over)
      : executor(on),
        options(std::move(with)),
        io(std::move(over)),
        decoder(options.most_body_bytes,
                [this](ChannelNumber number) { return channels.contains(number); }),
        to_write(on),
        drained(on),
        ended(on),
        tasks(on, [this](std::exception_ptr) {
          Break({ErrorCode::kInternal, "the AMQP connection failed", {}});
        }) {}

  // ---- signing in

  asio::awaitable<Status> Write(std::string bytes) {
    last_sent = Steady::now();
    co_return co_await io->WriteAll(bytes);
  }

  asio::awaitable<Result<Frame>> ReadFrame() {
    for (;;) {
      PROV_CO_TRY(auto frame, decoder.Next(unread));
      if (frame) co_return std::move(*frame);
      PROV_CO_CHECK(co_await Fill());
    }
  }

  asio::awaitable<Status> Fill() {
    PROV_CO_TRY(const auto got, co_await io->ReadSome(chunk));
    if (got == 0) co_return Error{ErrorCode::kUnavailable, "RabbitMQ closed the connection", {}};
    unread = {chunk.data(), got};
    last_heard = Steady::now();
    co_return Status();
  }

  // The next frame, which must be a `What`.
  template <class What>
  asio::awaitable<Result<What>> Expect() {
    PROV_CO_TRY(auto frame, co_await ReadFrame());
    if (auto* what = std::get_if<What>(&frame.what); what != nullptr && frame.channel == 0)
      co_return std::move(*what);
    if (const auto* closed = std::get_if<Closed>(&frame.what)) co_return Refused(*closed);
    co_return Error{ErrorCode::kCorrupt, "the server does not sign in as AMQP says", {}};
  }

  static Error Refused(const Closed& closed) {
    constexpr std::uint16_t kAccessRefused = 403;
    if (closed.code != kAccessRefused) return FromReply(closed.code, closed.text);
    return {ErrorCode::kUnauthenticated,
            "RabbitMQ refused the user or the password of its URL (403 ACCESS_REFUSED); the user "
            "guest may sign in from its own machine only",
            {}};
  }

  asio::awaitable<Status> SignIn() {
    PROV_CO_CHECK(co_await Write(std::string(kProtocolHeader)));
    PROV_CO_TRY(const auto start, co_await Expect<Start>());
    PROV_CO_CHECK(CheckServer(start));
    version = start.version;
    std::string bytes;
    PROV_CO_CHECK(AppendStartOk(bytes, options.url.user, options.url.password, options.name));
    PROV_CO_CHECK(co_await Write(std::exchange(bytes, {})));
    PROV_CO_TRY(auto tune, co_await Expect<Tune>());
    tune.channels =
        std::min<std::uint16_t>(tune.channels == 0 ? kMostChannels : tune.channels, kMostChannels);
    tune.frame_bytes = tune.frame_bytes == 0
                           ? kFrameBytes
                           : std::clamp(tune.frame_bytes, kLeastFrameBytes, kFrameBytes);
    tune.heartbeat_seconds = static_cast<std::uint16_t>(
        std::chrono::ceil<std::chrono::seconds>(options.heartbeat).count());
    most_channels = tune.channels;
    frame_bytes = tune.frame_bytes;
    PROV_CO_CHECK(AppendTuneOk(bytes, tune));
    PROV_CO_CHECK(AppendOpen(bytes, options.url.vhost));
    PROV_CO_CHECK(co_await Write(std::move(bytes)));
    PROV_CO_TRY(const auto opened, co_await Expect<Done>());
    (void)opened;
    co_return Status();
  }

  static Status CheckServer(const Start& start) {
    if (start.product != "RabbitMQ")
      return Error{ErrorCode::kUnsupported, "the server is not RabbitMQ", {}};
    int major = 0;
    int minor = 0;
    const auto* const end = start.version.data() + start.version.size();
    const auto [at, fault] = std::from_chars(start.version.data(), end, major);
    if (fault == std::errc() && at != end) std::from_chars(at + 1, end, minor);
    if (major < kOldestMajor || (major == kOldestMajor && minor < kOldestMinor)) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("RabbitMQ {} is too old; {}.{} or newer is needed",
                               start.version.substr(0, 40), kOldestMajor, kOldestMinor),
                   {}};
    }
    if (start.mechanisms.find("PLAIN") == std::string::npos) {
      return Error{ErrorCode::kUnsupported,
                   "RabbitMQ does not take a password (auth_mechanisms without PLAIN)",
                   {}};
    }
    return {};
  }

  // ---- the connection's life

  void Run() {
    const auto self = shared_from_this();
    tasks.Spawn(Read(self));
    tasks.Spawn(WriteQueued(self));
    tasks.Spawn(KeepAlive(self));
  }

  void Send(std::string_view bytes) {
    if (broken) return;
    unsent.append(bytes);
    to_write.Notify();
  }

  // For good. Whoever waits is told.
  void Break(Error why) {
    if (broken) return;
    broken = std::move(why);
    io->Close(ErrorCode::kCanceled);
    for (const auto& [number, numbered] : std::map(channels)) {
      if (const auto open = numbered.channel.lock()) open->Close(*broken);
    }
    channels.clear();
    tasks.Close();
    tasks.CancelAll();
    ended.Notify();
    drained.Notify();
  }

  static asio::awaitable<void> Read(std::shared_ptr<State> self) {
    for (;;) {
      auto frame = co_await self->ReadFrame();
      if (!frame) {
        auto why = std::move(frame).error();
        if (why.code != ErrorCode::kCorrupt) why.code = ErrorCode::kUnavailable;
        co_return self->Break(std::move(why));
      }
      if (frame->channel == 0) {
        self->Told(frame->what);
      } else {
        self->ToldOfChannel(*frame);
      }
      if (self->broken) co_return;
      self->paused = self->waiting_bytes > self->options.most_waiting_bytes;
      while (self->waiting_bytes > self->options.most_waiting_bytes && !self->broken)
        co_await self->drained.Wait();
      if (std::exchange(self->paused, false)) self->last_heard = Steady::now();
    }
  }

  void Told(const decltype(Frame::what)& what) {
    if (const auto* closed = std::get_if<Closed>(&what)) {
      std::string bytes;
      AppendCloseOk(bytes, 0);
      Send(bytes);
      return Break(FromReply(closed->code, closed->text));
    }
    if (const auto* because = std::get_if<Blocked>(&what)) {
      blocked = because->reason;
      // What was sent just now may lie unread at the broker for long.
      for (const auto& [number, numbered] : channels) {
        if (const auto open = numbered.channel.lock()) open->answered.Notify();
      }
    }
    if (std::holds_alternative<Unblocked>(what)) blocked.reset();
  }

  void ToldOfChannel(Frame& frame) {
    const auto found = channels.find(frame.channel);
    if (found == channels.end()) return;
    const auto channel = found->second.channel.lock();
    if (const auto* closed = std::get_if<Closed>(&frame.what)) {
      std::string bytes;
      AppendCloseOk(bytes, frame.channel);
      Send(bytes);
      // Where both ask at the same time, the answer is still to come.
      if (!found->second.closing) channels.erase(found);
      if (channel) channel->Close(FromReply(closed->code, closed->text));
      return;
    }
    if (std::holds_alternative<CloseOk>(frame.what)) {
      channels.erase(found);
      return;
    }
    if (!channel) return;  // it was closed here, and the broker did not know yet
    if (const auto* done = std::get_if<Done>(&frame.what)) return channel->Answered(done->queue);
    if (const auto* confirmed = std::get_if<Confirmed>(&frame.what))
      return channel->Confirm(*confirmed);
    if (std::holds_alternative<Returned>(frame.what)) {
      channel->returned = true;
      return;
    }
    if (auto* delivery = std::get_if<Delivery>(&frame.what)) {
      waiting_bytes += Weight(*delivery);
      channel->deliveries.push_back(std::move(*delivery));
      return channel->delivered.Notify();
    }
    if (std::holds_alternative<ConsumerCanceled>(frame.what)) {
      AskToClose(frame.channel);
      channel->Close({ErrorCode::kNotFound, "the queue that was listened to is gone", {}});
    }
  }

  // The number is free when the broker has answered.
  void AskToClose(ChannelNumber number) {
    const auto found = channels.find(number);
    if (found == channels.end()) return;
    found->second.closing = true;
    std::string bytes;
    AppendClose(bytes, number);
    Send(bytes);
  }

  static std::size_t Weight(const Delivery& delivery) {
    return sizeof delivery + delivery.body.size() + delivery.message_id.size() +
           delivery.reply_to.size();
  }
  void Took(std::size_t weight) {
    waiting_bytes -= weight;
    if (paused) drained.Notify();
  }

  static asio::awaitable<void> WriteQueued(std::shared_ptr<State> self) {
    for (;;) {
      while (self->unsent.empty()) co_await self->to_write.Wait();
      auto written = co_await self->Write(std::exchange(self->unsent, {}));
      if (!written) {
        co_return self->Break(
            {ErrorCode::kUnavailable, "RabbitMQ cannot be written to: " + written.error().message});
      }
    }
  }

  static asio::awaitable<void> KeepAlive(std::shared_ptr<State> self) {
    const auto heartbeat = self->options.heartbeat;
    asio::steady_timer timer(self->executor);
    for (;;) {
      timer.expires_after(heartbeat / 2);
      co_await timer.async_wait(asio::use_awaitable);
      const auto now = Steady::now();
      if (!self->paused && now - self->last_heard > 2 * heartbeat) {
        co_return self->Break({ErrorCode::kUnavailable,
                               "RabbitMQ says nothing any more; its heartbeats are missing"});
      }
      if (now - self->last_sent < heartbeat / 2 || !self->unsent.empty()) continue;
      std::string bytes;
      AppendHeartbeat(bytes);
      self->Send(bytes);
    }
  }

  // Then it does not read what is sent.
  Error BlockedError() const {
    return {ErrorCode::kExhausted,
            "RabbitMQ takes no messages, for it is short of memory or disk (" +
                blocked.value_or("").substr(0, 200) + ")",
            {}};
  }

  Result<ChannelNumber> FreeNumber() {
    for (ChannelNumber number = 1; number <= most_channels; ++number) {
      if (!channels.contains(number)) return number;
    }
    return Error{ErrorCode::kExhausted, "RabbitMQ allows no more channels on a connection", {}};
  }

  asio::any_io_executor executor;
  ConnectionOptions options;
  std::unique_ptr<net::Io> io;
  Decoder decoder;
  std::array<char, 65'536> chunk;
  std::string_view unread;  // of chunk
  std::string unsent;
  net::Event to_write;
  std::optional<Error> broken;
  std::optional<std::string> blocked;
  std::string version;
  ChannelNumber most_channels = 0;
  std::uint32_t frame_bytes = kLeastFrameBytes;
  struct Numbered {
    std::weak_ptr<Channel::State> channel;
    bool closing = false;  // the broker was asked to
  };
  std::map<ChannelNumber, Numbered> channels;  // until the broker knows that they are closed
  std::size_t waiting_bytes = 0;               // of deliveries
  bool paused = false;                         // for there are too many
  net::Event drained;
  net::Event ended;
  Steady::time_point last_heard = Steady::now();
  Steady::time_point last_sent = Steady::now();
  net::TaskGroup tasks;
};

void Channel::State::Close(const Error& why) {
  if (closed) return;
  closed = why;
  if (!calls.empty()) calls.front()->result = why;
  // The first was under way; it is to blame, where one is.
  Error other = why;
  other.code = ErrorCode::kUnavailable;
  for (const auto& call : calls) {
    if (!call->result) call->result = other;
  }
  calls.clear();
  std::size_t weight = 0;
  for (const auto& delivery : deliveries) weight += Connection::State::Weight(delivery);
  deliveries.clear();
  connection->Took(weight);
  answered.Notify();
  delivered.Notify();
}

Error Channel::State::Abandon(std::string why) {
  Leave({ErrorCode::kUnavailable, "the channel was left, for " + why, {}});
  return {ErrorCode::kTimeout, std::move(why), {}};
}

void Channel::State::Leave(const Error& why) {
  if (closed) return;
  connection->AskToClose(number);
  Close(why);
}

// ---- a channel

Channel::Channel(std::shared_ptr<State> state) : state_(std::move(state)) {}

Channel::~Channel() {
  if (state_->closed) return;
  state_->connection->AskToClose(state_->number);
  state_->Close(Canceled());
}

asio::awaitable<Result<QueueState>> Channel::Call(Status encoded, std::string bytes) {
  PROV_CO_CHECK(std::move(encoded));
  const auto state = state_;  // the channel may go meanwhile
  auto& connection = *state->connection;
  if (state->closed) co_return Error(*state->closed);
  if (connection.blocked) co_return connection.BlockedError();
  const auto until = Steady::now() + connection.options.answer;
  const auto answer = std::make_shared<Answer>();
  state->calls.push_back(answer);
  connection.Send(bytes);
  while (!answer->result) {
    if (connection.blocked) co_return connection.BlockedError();
    if (co_await WaitUntil(state->answered, until)) continue;
    co_return state->Abandon("RabbitMQ did not answer in time");
  }
  co_return std::move(*answer->result);
}

asio::awaitable<Status> Channel::DeclareExchange(std::string name, std::string type) {
  std::string bytes;
  auto encoded = AppendDeclareExchange(bytes, state_->number, name, type);
  PROV_CO_TRY(const auto done, co_await Call(std::move(encoded), std::move(bytes)));
  (void)done;
  co_return Status();
}

asio::awaitable<Result<QueueState>> Channel::DeclareQueue(Queue queue) {
  std::string bytes;
  auto encoded = AppendDeclareQueue(bytes, state_->number, queue);
  co_return co_await Call(std::move(encoded), std::move(bytes));
}

asio::awaitable<Status> Channel::DeleteQueue(std::string queue) {
  std::string bytes;
  auto encoded = AppendDeleteQueue(bytes, state_->number, queue);
  PROV_CO_TRY(const auto done, co_await Call(std::move(encoded), std::move(bytes)));
  (void)done;
  co_return Status();
}

asio::awaitable<Status> Channel::Bind(std::string queue, std::string exchange,
                                      std::string routing_key) {
  std::string bytes;
  auto encoded = AppendBind(bytes, state_->number, queue, exchange, routing_key);
  PROV_CO_TRY(const auto done, co_await Call(std::move(encoded), std::move(bytes)));
  (void)done;
  co_return Status();
}

asio::awaitable<Status> Channel::Consume(std::string queue, std::uint16_t prefetch) {
  if (prefetch > 0) {
    std::string bytes;
    AppendPrefetch(bytes, state_->number, prefetch);
    PROV_CO_TRY(const auto done, co_await Call({}, std::move(bytes)));
    (void)done;
  }
  std::string bytes;
  auto encoded = AppendConsume(bytes, state_->number, queue, prefetch > 0);
  PROV_CO_TRY(const auto done, co_await Call(std::move(encoded), std::move(bytes)));
  (void)done;
  co_return Status();
}

std::optional<Delivery> Channel::Ready() {
  if (state_->deliveries.empty()) return std::nullopt;
  auto delivery = std::move(state_->deliveries.front());
  state_->deliveries.pop_front();
  state_->connection->Took(Connection::State::Weight(delivery));
  return delivery;
}

asio::awaitable<Result<Delivery>> Channel::Next() {
  const auto state = state_;
  for (;;) {
    if (state->closed) co_return Error(*state->closed);
    if (!state->deliveries.empty()) co_return std::move(*Ready());
    co_await state->delivered.Wait();
  }
}

void Channel::Acknowledge(std::uint64_t tag, bool multiple) {
  if (state_->closed) return;
  std::string bytes;
  AppendAcknowledge(bytes, state_->number, tag, multiple);
  state_->connection->Send(bytes);
}

asio::awaitable<Status> Channel::UseConfirms() {
  std::string bytes;
  AppendConfirmSelect(bytes, state_->number);
  PROV_CO_TRY(const auto done, co_await Call({}, std::move(bytes)));
  (void)done;
  co_return Status();
}

asio::awaitable<Status> Channel::Publish(std::vector<Message> messages) {
  const auto state = state_;
  auto& connection = *state->connection;
  if (state->closed) co_return Error(*state->closed);
  if (connection.blocked) co_return connection.BlockedError();
  std::string bytes;
  for (const auto& message : messages)
    PROV_CO_CHECK(
        AppendPublish(bytes, state->number, message, /*mandatory=*/true, connection.frame_bytes));
  const auto first = state->published + 1;
  for (std::size_t i = 0; i < messages.size(); ++i)
    state->unconfirmed.insert(state->unconfirmed.end(), ++state->published);
  const auto last = state->published;
  connection.Send(bytes);
  const auto until = Steady::now() + connection.options.answer;
  const auto waited_for = [&] {
    const auto found = state->unconfirmed.lower_bound(first);
    return found != state->unconfirmed.end() && *found <= last;
  };
  while (waited_for()) {
    if (state->closed) co_return Error(*state->closed);
    if (connection.blocked) co_return connection.BlockedError();
    if (co_await WaitUntil(state->answered, until)) continue;
    co_return state->Abandon("RabbitMQ did not confirm in time what was published");
  }
  const auto refused = state->refused.lower_bound(first);
  const auto behind = state->refused.upper_bound(last);
  if (refused == behind) co_return Status();
  const auto code = refused->second;
  state->refused.erase(refused, behind);
  if (code == ErrorCode::kNotFound)
    co_return Error{code, "there is no queue for the message; does a panel run?", {}};
  // A channel keeps to the leader that a quorum queue had when it first published to it. Where that
  // was a node that had just died, RabbitMQ refuses on this channel for ever.
  state->Leave({ErrorCode::kUnavailable, "the channel was left after RabbitMQ refused a message"});
  co_return Error{
      code, "RabbitMQ refused a message: its queue is full, or its leader is just gone", {}};
}

void Channel::PublishUnconfirmed(const Message& message) {
  if (state_->closed || state_->connection->blocked) return;
  std::string bytes;
  if (!AppendPublish(bytes, state_->number, message, /*mandatory=*/false,
                     state_->connection->frame_bytes))
    return;
  ++state_->published;  // on a channel with confirms it is counted, and confirmed too
  state_->connection->Send(bytes);
}

bool Channel::open() const { return !state_->closed; }

// ---- a connection

Connection::Connection(std::shared_ptr<State> state) : state_(std::move(state)) {}

Connection::~Connection() { state_->Break(Canceled()); }

asio::awaitable<Result<std::unique_ptr<Connection>>> Connection::Open(
    asio::any_io_executor executor, ConnectionOptions options, std::shared_ptr<net::TlsContext> tls,
    std::size_t first) {
  const auto until = Steady::now() + options.connect;
  const auto count = options.url.addresses.size();
  std::vector<Error> failures(count);
  for (std::size_t tried = 0; tried < count; ++tried) {
    const auto at = (first + tried) % count;
    auto to = options;
    to.url.addresses = {options.url.addresses[at]};
    const auto left = std::chrono::duration_cast<Millis>(until - Steady::now());
    to.connect = std::max(Millis{1}, left / static_cast<Millis::rep>(count - tried));
    auto opened = co_await OpenTo(executor, std::move(to), tls);
    if (opened) co_return std::move(*opened);
    failures[at] = std::move(opened).error();
  }
  if (count == 1) co_return std::move(failures.front());
  // In the URL's order, so that the same reasons are the same sentence.
  std::string reasons;
  for (const auto& each : failures) reasons += (reasons.empty() ? "" : "; ") + each.ToString();
  co_return Error{failures.front().code, std::move(reasons), {}};
}

// The one host of its URL.
asio::awaitable<Result<std::unique_ptr<Connection>>> Connection::OpenTo(
    asio::any_io_executor executor, ConnectionOptions options,
    std::shared_ptr<net::TlsContext> tls) {
  const auto& [host, port] = options.url.addresses.front();
  const auto doing = "RabbitMQ at " + ToString(options.url);
  const auto until = Steady::now() + options.connect;
  auto io = co_await net::Dial(
      executor, {.host = host, .port = port, .tls = std::move(tls), .within = options.connect});
  if (!io) co_return std::move(io).error().While(doing);
  const auto left = std::chrono::duration_cast<Millis>(until - Steady::now());
  const auto state = std::make_shared<State>(executor, std::move(options), std::move(*io));
  Status signed_in;
  {
    const net::Alarm alarm(executor, left, [&] { state->io->Close(ErrorCode::kTimeout); });
    signed_in = co_await state->SignIn();
  }
  if (!signed_in) co_return std::move(signed_in).error().While(doing);
  state->Run();
  co_return std::unique_ptr<Connection>(new Connection(state));
}

asio::awaitable<Result<std::unique_ptr<Channel>>> Connection::OpenChannel() {
  const auto state = state_;
  if (state->broken) co_return Error(*state->broken);
  // Before there is a channel: one that RabbitMQ was never asked to open may not be closed there.
  if (state->blocked) co_return state->BlockedError();
  PROV_CO_TRY(const auto number, state->FreeNumber());
  auto of = std::make_shared<Channel::State>(state, number, state->executor);
  state->channels[number] = {.channel = of};
  std::unique_ptr<Channel> channel(new Channel(std::move(of)));
  std::string bytes;
  AppendOpenChannel(bytes, number);
  PROV_CO_TRY(const auto done, co_await channel->Call({}, std::move(bytes)));
  (void)done;
  co_return std::move(channel);
}

asio::awaitable<Error> Connection::Ended() {
  const auto state = state_;
  while (!state->broken) co_await state->ended.Wait();
  co_return Error(*state->broken);
}

const std::optional<std::string>& Connection::blocked() const { return state_->blocked; }

const std::string& Connection::server_version() const { return state_->version; }

}  // namespace prov::amqp
