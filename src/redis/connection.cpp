#include "redis/connection.hpp"

#include <charconv>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "net/alarm.hpp"
#include "redis/reply_error.hpp"

namespace prov::redis {

namespace asio = boost::asio;

namespace {

// The number before `separator`, which is taken off with it.
int TakeNumber(std::string_view& text) {
  int number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return -1;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  if (text.starts_with('.')) text.remove_prefix(1);
  return number;
}

// "redis_version:7.0.15\r\n" in the answer to INFO.
std::string VersionOf(std::string_view information) {
  constexpr std::string_view kField = "redis_version:";
  const auto at = information.find(kField);
  if (at == information.npos) return "";
  const auto rest = information.substr(at + kField.size());
  return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

// A master that has become a replica, or a node that lost the key's slot or its Cluster: whoever is
// it now is to be looked for anew.
bool IsDemotion(const Value& value) {
  if (!value.is_error()) return false;
  const auto name = ErrorName(value.text);
  return name == "READONLY" || name == "UNBLOCKED" || name == "MOVED" || name == "CLUSTERDOWN";
}

bool IsUnknownCommand(std::string_view reply) {
  return reply.starts_with("ERR unknown command") || reply.starts_with("NOPROTO");
}

// Marks the connection unless the exchange came to its end.
class Unfinished {
 public:
  explicit Unfinished(Connection& connection) : connection_(&connection) {}
  Unfinished(const Unfinished&) = delete;
  ~Unfinished() {
    if (connection_ != nullptr) connection_->Close(ErrorCode::kCanceled);
  }
  void Finished() { connection_ = nullptr; }

 private:
  Connection* connection_;
};

}  // namespace

Connection::Connection(std::unique_ptr<net::Io> io, ParserLimits limits)
    : io_(std::move(io)), parser_(limits) {}

asio::awaitable<Result<std::unique_ptr<Connection>>> Connection::Open(std::unique_ptr<net::Io> io,
                                                                      SignIn sign_in,
                                                                      ParserLimits limits) {
  std::unique_ptr<Connection> connection(new Connection(std::move(io), limits));
  PROV_CO_CHECK(co_await connection->Greet(sign_in));
  co_return std::move(connection);
}

asio::awaitable<Status> Connection::Greet(const SignIn& sign_in) {
  PROV_CO_TRY(resp3_, co_await Hello(sign_in));
  if (!resp3_) PROV_CO_CHECK(co_await GreetInResp2(sign_in));
  if (!sign_in.sentinel) PROV_CO_CHECK(CheckVersion());
  if (sign_in.database != 0) {
    const auto selected = co_await Ask({"SELECT", std::to_string(sign_in.database)});
    if (!selected) {
      co_return Error(selected.error())
          .While(fmt::format("choosing database {}", sign_in.database));
    }
  }
  co_return Status{};
}

// False where the server does not know HELLO.
asio::awaitable<Result<bool>> Connection::Hello(const SignIn& sign_in) {
  Command hello{"HELLO", "3"};
  if (!sign_in.password.empty()) {
    hello.insert(hello.end(),
                 {"AUTH", sign_in.user.empty() ? "default" : sign_in.user, sign_in.password});
  }
  if (!sign_in.name.empty()) hello.insert(hello.end(), {"SETNAME", sign_in.name});
  std::string bytes;
  AppendCommand(bytes, hello);
  if (auto written = co_await io_->WriteAll(bytes); !written) {
    // A server that refuses a client's certificate says so and closes: that may still be read.
    auto said = co_await Fill();
    const bool better = !said && said.error().code == ErrorCode::kUnauthenticated;
    co_return better ? std::move(said).error() : std::move(written).error();
  }
  PROV_CO_TRY(auto reply, co_await Read());
  if (reply.is_error() && IsUnknownCommand(reply.text)) co_return false;
  PROV_CO_TRY(const auto greeting, ToResult(std::move(reply)));
  const auto* version = greeting.Find("version");
  if (version == nullptr || !version->is_text())
    co_return Error{ErrorCode::kCorrupt, "the answer to HELLO names no version; is it Redis?"};
  version_ = version->text;
  if (const auto* role = greeting.Find("role")) role_ = role->text;
  co_return true;
}

asio::awaitable<Status> Connection::GreetInResp2(const SignIn& sign_in) {
  if (!sign_in.password.empty()) {
    Command auth{"AUTH", sign_in.user, sign_in.password};
    if (sign_in.user.empty()) auth.erase(auth.begin() + 1);
    PROV_CO_CHECK(co_await Ask(std::move(auth)));
  }
  PROV_CO_TRY(const auto information, co_await Ask({"INFO", "server"}));
  version_ = VersionOf(information.text);
  if (!sign_in.name.empty()) PROV_CO_CHECK(co_await Ask({"CLIENT", "SETNAME", sign_in.name}));
  co_return Status{};
}

Status Connection::CheckVersion() const {
  std::string_view rest = version_;
  const int major = TakeNumber(rest);
  const int minor = TakeNumber(rest);
  if (major > kOldestMajor || (major == kOldestMajor && minor >= kOldestMinor)) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("the server is Redis {}, and {}.{} is the oldest that works here; "
                           "upgrade it",
                           version_.substr(0, 40), kOldestMajor, kOldestMinor)};
}

asio::awaitable<Result<Value>> Connection::Ask(Command command) {
  std::string bytes;
  AppendCommand(bytes, command);
  PROV_CO_CHECK(co_await Write(std::move(bytes)));
  // Whatever is pushed at a connection that subscribes to nothing is of no interest.
  while (true) {
    PROV_CO_TRY(auto value, co_await Read());
    if (value.type == Value::Type::kPush) continue;
    if (IsDemotion(value)) Close(ErrorCode::kUnavailable);
    co_return ToResult(std::move(value));
  }
}

asio::awaitable<Result<Value>> Connection::Call(Command command, Millis within) {
  if (broken_)
    co_return Error{*broken_, "the connection is not usable after an exchange without its end"};
  const net::Alarm alarm(co_await asio::this_coro::executor, within,
                         [this] { Close(ErrorCode::kTimeout); });
  Unfinished exchange(*this);
  auto reply = co_await Ask(std::move(command));
  // Read() and Write() have marked the connection where it is broken.
  exchange.Finished();
  if (!reply && broken_ == ErrorCode::kTimeout) {
    co_return Error{ErrorCode::kTimeout,
                    fmt::format("Redis did not answer within {} ms; the command may have been "
                                "carried out",
                                within.count())};
  }
  co_return reply;
}

asio::awaitable<Status> Connection::Write(std::string bytes) {
  auto written = co_await io_->WriteAll(bytes);
  if (!written) Close(written.error().code);
  co_return written;
}

asio::awaitable<Result<Value>> Connection::Read() {
  while (true) {
    PROV_CO_TRY(auto value, Take());
    if (value) co_return std::move(*value);
    PROV_CO_CHECK(co_await Fill());
  }
}

Result<std::optional<Value>> Connection::Take() {
  auto value = parser_.Next();
  if (!value) Close(value.error().code);
  return value;
}

asio::awaitable<Status> Connection::Fill() {
  auto got = co_await io_->ReadSome(chunk_);
  if (got && *got == 0) got = Error{ErrorCode::kUnavailable, "Redis closed the connection"};
  if (got) {
    parser_.Feed({chunk_.data(), *got});
    co_return Status{};
  }
  Close(got.error().code);
  co_return std::move(got).error();
}

void Connection::Close(ErrorCode why) {
  if (broken_) return;
  broken_ = why;
  io_->Close(why);
}

}  // namespace prov::redis
