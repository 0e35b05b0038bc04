#include "amqp/client.hpp"

#include "net/backoff.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"

namespace prov::amqp {

namespace asio = boost::asio;

struct Client::State {
  State(asio::any_io_executor on, ClientOptions with, std::shared_ptr<net::TlsContext> over,
        Random& from)
      : executor(on),
        options(std::move(with)),
        tls(std::move(over)),
        random(from),
        changed(on),
        tasks(on) {}

  static asio::awaitable<void> Run(std::shared_ptr<State> self) {
    net::Backoff backoff(self->options.first_pause, self->options.longest_pause, self->random);
    for (;;) {
      std::uint32_t first = 0;
      self->random.Fill(&first, sizeof first);
      auto opened =
          co_await Connection::Open(self->executor, self->options.connection, self->tls, first);
      if (opened) {
        self->connection = std::move(*opened);
        self->Tell({});
        backoff.Reset();
        auto why = co_await self->connection->Ended();
        self->connection.reset();
        self->Tell(std::move(why));
      } else {
        self->Tell(std::move(opened).error());
      }
      co_await net::Pause(backoff);
    }
  }

  void Tell(Status status) {
    known = std::move(status);
    changed.Notify();
    if (options.on_change) options.on_change(*known);
  }

  void Close() {
    if (std::exchange(stopped, true)) return;
    options.on_change = {};
    connection.reset();
    known = Error{ErrorCode::kCanceled, "the RabbitMQ client was stopped", {}};
    changed.Notify();
    tasks.Close();
    tasks.CancelAll();
  }

  asio::any_io_executor executor;
  ClientOptions options;
  std::shared_ptr<net::TlsContext> tls;
  Random& random;
  std::unique_ptr<Connection> connection;  // while there is one
  std::optional<Status> known;             // of the last attempt; none before its end
  net::Event changed;
  bool stopped = false;
  net::TaskGroup tasks;
};

Client::Client(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Client>> Client::Create(asio::any_io_executor executor,
                                               ClientOptions options, Random& random) {
  PROV_TRY(auto tls, MakeTls(options.connection));
  auto state = std::make_shared<State>(executor, std::move(options), std::move(tls), random);
  state->tasks.Spawn(State::Run(state));
  return std::unique_ptr<Client>(new Client(std::move(state)));
}

Client::~Client() { state_->Close(); }

asio::awaitable<Result<std::unique_ptr<Channel>>> Client::OpenChannel() {
  const auto state = state_;
  while (!state->known) co_await state->changed.Wait();
  if (state->connection) co_return co_await state->connection->OpenChannel();
  co_return state->known->has_error()
      ? Error(state->known->error())
      : Error{ErrorCode::kUnavailable, "there is no connection to RabbitMQ", {}};
}

asio::awaitable<void> Client::Stop() {
  const auto state = state_;
  state->Close();
  co_await state->tasks.Wait();
}

}  // namespace prov::amqp
