#include "store/postgresql/connection.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <poll.h>
#include <postgresql/libpq-fe.h>

#include <fmt/format.h>

namespace prov::store::postgresql {
namespace {

constexpr Millis kGrace{2000};
// A number that no other program locks in this database: "provuse" in ASCII.
constexpr std::int64_t kUseLock = 0x70726f76'757365;
constexpr int kOldestVersion = 130'000;
// Of pg_type.h, which is for extensions: these have had their numbers since the beginning.
constexpr Oid kInt8 = 20;
constexpr Oid kFloat8 = 701;
constexpr Oid kFromContext = 0;  // text, bytea or uuid, as the column is
constexpr int kBinary = 1;

SteadyTime Now() { return std::chrono::steady_clock::now(); }

// False when `deadline` came first.
bool WaitFor(int socket, short events, SteadyTime deadline) {
  while (true) {
    const auto left = std::chrono::ceil<Millis>(deadline - Now()).count();
    if (left <= 0) return false;
    pollfd one{socket, events, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 1 << 30)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

std::array<char, 8> BigEndian(std::uint64_t number) {
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (8 * (7 - i)));
  return bytes;
}

// Values as libpq takes them. Text and blobs are not copied: the values outlive it.
class Parameters {
 public:
  explicit Parameters(const sql::Values& values)
      : numbers_(values.size()),
        types_(values.size(), kFromContext),
        pointers_(values.size(), nullptr),
        lengths_(values.size(), 0),
        formats_(values.size(), kBinary) {
    for (std::size_t i = 0; i < values.size(); ++i) Set(i, values[i]);
  }
  int count() const { return static_cast<int>(pointers_.size()); }
  const Oid* types() const { return types_.data(); }
  const char* const* pointers() const { return pointers_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  void Set(std::size_t i, const sql::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      SetNumber(i, kInt8, static_cast<std::uint64_t>(*number));
    } else if (const auto* real = std::get_if<double>(&value)) {
      SetNumber(i, kFloat8, std::bit_cast<std::uint64_t>(*real));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      SetBytes(i, *text);
    } else if (const auto* blob = std::get_if<sql::Blob>(&value)) {
      SetBytes(i, blob->bytes);
    }
  }
  void SetNumber(std::size_t i, Oid type, std::uint64_t number) {
    numbers_[i] = BigEndian(number);
    types_[i] = type;
    pointers_[i] = numbers_[i].data();
    lengths_[i] = 8;
  }
  void SetBytes(std::size_t i, const std::string& bytes) {
    pointers_[i] = bytes.c_str();
    lengths_[i] = static_cast<int>(bytes.size());
  }

  std::vector<std::array<char, 8>> numbers_;
  std::vector<Oid> types_;
  std::vector<const char*> pointers_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

class ResultRow final : public sql::Row {
 public:
  ResultRow(const pg_result* result, int row) : result_(result), row_(row) {}
  bool IsNull(int column) const override { return PQgetisnull(result_, row_, column) != 0; }
  // Big-endian, as wide as its type is.
  std::int64_t Int(int column) const override {
    const auto size = PQgetlength(result_, row_, column);
    if (size == 0) return 0;
    const auto* bytes = PQgetvalue(result_, row_, column);
    auto number = static_cast<std::int64_t>(static_cast<signed char>(bytes[0]));
    for (int i = 1; i < size; ++i)
      number = static_cast<std::int64_t>(static_cast<std::uint64_t>(number) << 8 |
                                         static_cast<unsigned char>(bytes[i]));
    return number;
  }
  std::string Text(int column) const override {
    return {PQgetvalue(result_, row_, column),
            static_cast<std::size_t>(PQgetlength(result_, row_, column))};
  }

 private:
  const pg_result* result_;
  int row_;
};

// PostgreSQL 15 has no max() of an id.
std::string NewestOfEachApp(std::string_view where) {
  return fmt::format("SELECT DISTINCT ON (app_id) id FROM jobs WHERE {} ORDER BY app_id, id DESC",
                     where);
}

// ?1 is $1 here.
std::string WithDollars(std::string_view sql) {
  std::string text(sql);
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '?' && text[i + 1] >= '1' && text[i + 1] <= '9') text[i] = '$';
  }
  return text;
}

std::string_view Shortly(std::string_view sql) { return sql.substr(0, 60); }

// The first line, without "FATAL:  28P01: ", which PQERRORS_VERBOSE has put there.
struct ConnectFailure {
  std::string state;
  std::string said;
};
ConnectFailure ReadConnectFailure(std::string_view message) {
  ConnectFailure failure;
  failure.said = message.substr(0, message.find('\n'));
  for (auto at = failure.said.find(":  "); at != std::string::npos;) {
    const auto state = std::string_view(failure.said).substr(at + 3, 5);
    if (failure.said.compare(at + 8, 2, ": ") == 0 &&
        state.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos) {
      failure.state = state;
      failure.said.erase(at + 3, 7);
    }
    break;
  }
  return failure;
}

struct Freed {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ConnectionOptions = std::unique_ptr<PQconninfoOption, Freed>;

using Settings = std::map<std::string, std::string>;

Settings SettingsOf(const PQconninfoOption* given) {
  Settings settings;
  for (; given->keyword != nullptr; ++given) {
    if (given->val != nullptr) settings[given->keyword] = given->val;
  }
  settings["client_encoding"] = "UTF8";
  settings["fallback_application_name"] = "provisioning-panel";
  return settings;
}

// Of "a,,b" three.
std::vector<std::string> Listed(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char each : list) {
    if (each == ',') {
      parts.emplace_back();
    } else {
      parts.back() += each;
    }
  }
  return parts;
}

// One for each host, in their order: libpq leaves it to whoever does not block how long each is
// waited for. Lists that do not match are left as they are, for libpq to say so.
std::vector<Settings> EachHost(const Settings& settings) {
  std::map<std::string, std::vector<std::string>> lists;
  for (const auto* name : {"host", "hostaddr", "port"}) {
    if (const auto found = settings.find(name); found != settings.end())
      lists[name] = Listed(found->second);
  }
  std::size_t hosts = 1;
  for (const auto& [name, list] : lists) hosts = std::max(hosts, list.size());
  std::vector<Settings> each(hosts, settings);
  for (const auto& [name, list] : lists) {
    const bool for_all = name == "port" && list.size() == 1;
    if (!for_all && list.size() != hosts) return {settings};
    for (std::size_t i = 0; i < hosts; ++i) each[i][name] = list[for_all ? 0 : i];
  }
  return each;
}

pg_conn* BeginConnecting(const Settings& settings) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : settings) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectStartParams(names.data(), values.data(), 0);
}

// Where a password holds '@' or '/' as it is, libpq takes the rest of it for a host, a port or a
// database, which it and the server quote in what they say.
bool SplitsAPassword(std::string_view url) {
  const auto rest = url.substr(url.find("://") + 3);
  const auto slash = std::min(rest.find('/'), rest.size());
  const auto authority = rest.substr(0, slash);
  const auto path = rest.substr(slash, rest.find('?', slash) - slash);
  return std::ranges::count(authority, '@') > 1 || path.find('@') != path.npos;
}

bool ArePorts(const std::string& list) {
  return std::ranges::all_of(Listed(list), [](const std::string& port) {
    int number = 1;
    const auto* const end = port.data() + port.size();
    const auto read = std::from_chars(port.data(), end, number);
    return port.empty() || (read.ptr == end && number >= 1 && number <= 65'535);
  });
}

Result<ConnectionOptions> ReadUrl(const std::string& url) {
  char* fault = nullptr;
  ConnectionOptions options(PQconninfoParse(url.c_str(), &fault));
  // What libpq says may quote the password, so it is not passed on.
  PQfreemem(fault);
  bool good = options && (url.starts_with("postgresql://") || url.starts_with("postgres://"));
  good = good && !SplitsAPassword(url);
  for (const auto* each = options.get(); good && each->keyword != nullptr; ++each) {
    if (each->val != nullptr && std::string_view(each->keyword) == "port")
      good = ArePorts(each->val);
  }
  if (good) return options;
  return Error{ErrorCode::kInvalidArgument,
               "must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with parameters of libpq "
               "such as ?sslmode=verify-full; in user and password, a character that means "
               "something in a URL is written as %XX: @ as %40, / as %2F, % as %25"};
}

}  // namespace

void Connection::ClearResult::operator()(pg_result* result) const { PQclear(result); }

Status CheckUrl(const std::string& url) {
  PROV_CHECK(ReadUrl(url));
  return {};
}

bool HoldsPassword(const std::string& url) {
  const auto parsed = ReadUrl(url);
  if (!parsed) return false;
  for (const auto* each = parsed->get(); each->keyword != nullptr; ++each) {
    if (each->val != nullptr && std::string_view(each->keyword).ends_with("password")) return true;
  }
  return false;
}

Status CheckVersion(int version) {
  if (version >= kOldestVersion) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("the database server is PostgreSQL {}; version {} or newer is needed.",
                           version / 10'000, kOldestVersion / 10'000)};
}

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& url, const Options& options,
                                                     Trouble* trouble) {
  PROV_TRY(const auto parsed, ReadUrl(url));
  const auto hosts = EachHost(SettingsOf(parsed.get()));
  auto left = options.connect_timeout;
  Failure failure;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    std::unique_ptr<Connection> connection{new Connection(BeginConnecting(hosts[i]), options)};
    // What a host leaves of its share is for those behind it.
    const auto begun = Now();
    const auto failed = connection->Reach(left / static_cast<std::int64_t>(hosts.size() - i));
    left = std::max(left - std::chrono::floor<Millis>(Now() - begun), Millis{0});
    if (!failed) {
      const auto ready = connection->SetUp();
      if (trouble != nullptr) *trouble = connection->trouble();
      PROV_CHECK(ready);
      return connection;
    }
    failure.trouble = failed->trouble;
    failure.said += (i == 0 ? "" : "; ") + failed->said;
    if (!IsMendedByWaiting(failure.trouble)) break;
  }
  if (trouble != nullptr) *trouble = failure.trouble;
  return ErrorOf(failure.trouble, failure.said, "connecting to the database");
}

Connection::~Connection() { Close(); }

void Connection::Close() {
  PQfinish(handle_);
  handle_ = nullptr;
}

std::optional<Connection::Failure> Connection::Reach(Millis longest) {
  if (handle_ == nullptr) return Failure{Trouble::kOther, "there is no memory"};
  // For the SQLSTATE, which is not told otherwise.
  PQsetErrorVerbosity(handle_, PQERRORS_VERBOSE);
  const auto deadline = Now() + longest;
  auto state = PQstatus(handle_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
    const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!WaitFor(PQsocket(handle_), events, deadline)) {
      return Failure{Trouble::kUnavailable,
                     fmt::format("no answer from {}, port {}, within {} ms", PQhost(handle_),
                                 PQport(handle_), longest.count())};
    }
    state = PQconnectPoll(handle_);
  }
  if (state == PGRES_POLLING_OK) return std::nullopt;
  const auto failure = ReadConnectFailure(PQerrorMessage(handle_));
  // Where no server sent a state, libpq itself asks for a password that it was not given.
  const bool no_password = PQconnectionNeedsPassword(handle_) != 0;
  return Failure{no_password ? Trouble::kWrongPassword : TroubleOf(failure.state), failure.said};
}

Status Connection::SetUp() {
  PQsetErrorVerbosity(handle_, PQERRORS_DEFAULT);
  PQsetNoticeProcessor(handle_, [](void*, const char*) {}, nullptr);
  PQsetnonblocking(handle_, 1);
  PROV_CHECK(CheckVersion(PQserverVersion(handle_)));
  const char* encoding = PQparameterStatus(handle_, "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
    return Error{
        ErrorCode::kUnsupported,
        fmt::format("the database's encoding is {}; make one with ENCODING 'UTF8' TEMPLATE "
                    "template0.",
                    encoding == nullptr ? "unknown" : encoding)};
  }
  // Asynchronous commits would lose what was said to be durable.
  PROV_CHECK(
      Script("SET jit = off;"
             "SELECT set_config('synchronous_commit', 'on', false) "
             "WHERE current_setting('synchronous_commit') = 'off'"));
  return SetTimeouts(options_.statement_timeout, options_.lock_timeout);
}

Status Connection::SetTimeouts(Millis statement, Millis lock) {
  options_.statement_timeout = statement;
  options_.lock_timeout = lock;
  // A panel that hangs, or is cut off, in a transaction must not hold up the others for longer than
  // a lock may.
  PROV_CHECK(
      Script(fmt::format("SET statement_timeout = {}; SET lock_timeout = {};"
                         "SET idle_in_transaction_session_timeout = {}",
                         statement.count(), lock.count(), lock.count())));
  return {};
}

Status Connection::Occupy(Use use) {
  const bool alone = use == Use::kAlone;
  bool granted = false;
  PROV_CHECK(
      Query(fmt::format("SELECT pg_try_advisory_lock{}({})", alone ? "" : "_shared", kUseLock), {},
            [&](const sql::Row& row) { granted = row.Int(0) != 0; }));
  if (granted && alone) PROV_CHECK(Script("SET provisioning.silent = 'on'"));
  if (granted) return {};
  if (alone)
    return Error{ErrorCode::kConflict,
                 "the database is in use: stop every panel that uses it, then try again."};
  trouble_ = Trouble::kUnavailable;
  return Error{ErrorCode::kUnavailable,
               "a restore or a migration uses the database alone; it is waited for."};
}

int Connection::process() const { return lost() ? 0 : PQbackendPID(handle_); }

Result<std::vector<Connection::Notice>> Connection::WaitForNotices(Millis longest, int stop) {
  if (lost()) return Fail(Trouble::kUnavailable, "the connection was lost", "LISTEN");
  struct FreeNotice {
    void operator()(PGnotify* notice) const { PQfreemem(notice); }
  };
  std::vector<Notice> notices;
  const auto take = [&] {
    while (const std::unique_ptr<PGnotify, FreeNotice> next{PQnotifies(handle_)})
      notices.push_back({next->be_pid, next->extra});
  };
  take();  // what came with the answer to a statement
  pollfd ready[] = {{PQsocket(handle_), POLLIN, 0}, {stop, POLLIN, 0}};
  if (!notices.empty() || poll(ready, 2, static_cast<int>(longest.count())) <= 0) return notices;
  if (ready[0].revents == 0) return notices;
  if (PQconsumeInput(handle_) == 0) {
    Close();
    return Fail(Trouble::kUnavailable, "the connection was lost", "LISTEN");
  }
  take();
  return notices;
}

Status Connection::CheckWritable() {
  PROV_TRY(const auto read_only,
           Script("SELECT 1 WHERE current_setting('transaction_read_only') = 'on'"));
  if (read_only == 0) return {};
  return Fail(Trouble::kReadOnly, "the server takes no writes", "");
}

Error Connection::Fail(Trouble trouble, std::string_view said, std::string_view doing) {
  trouble_ = trouble;
  if (trouble == Trouble::kSerialization) serialization_ = true;
  // One that takes no writes may be the wrong server by now: the next connection asks for the name
  // again.
  if (trouble == Trouble::kStaleStatement || trouble == Trouble::kReadOnly) Close();
  return ErrorOf(trouble, said, Shortly(doing));
}

Error Connection::FailOf(const pg_result* result, std::string_view doing) {
  const auto field = [&](int code) -> std::string {
    const char* text = PQresultErrorField(result, code);
    return text == nullptr ? "" : text;
  };
  const auto severity = field(PG_DIAG_SEVERITY_NONLOCALIZED);
  const auto state = field(PG_DIAG_SQLSTATE);
  auto said = field(PG_DIAG_MESSAGE_PRIMARY);
  if (state.empty()) said = "the connection was lost";
  if (state.empty() || severity == "FATAL" || severity == "PANIC") Close();
  return Fail(TroubleOf(state), said, doing);
}

Status Connection::WaitForAnswer(SteadyTime deadline) {
  while (true) {
    const int unsent = PQflush(handle_);
    if (unsent < 0) return {};  // the answer is then that the connection was lost
    if (unsent == 0 && PQisBusy(handle_) == 0) return {};
    const short events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
    if (!WaitFor(PQsocket(handle_), events, deadline)) {
      Close();
      return Fail(Trouble::kUnavailable, "there is no answer any more", "");
    }
    if (PQconsumeInput(handle_) == 0) return {};
  }
}

Result<Connection::Answer> Connection::Receive(Sent sent, std::string_view doing) {
  if (sent == Sent::kNo) {
    Close();
    return Fail(Trouble::kUnavailable, "the connection was lost", doing);
  }
  const auto deadline = Now() + options_.statement_timeout + kGrace;
  Answer last;
  Answer wrong;
  while (true) {
    PROV_CHECK(WaitForAnswer(deadline));
    Answer next(PQgetResult(handle_));
    if (!next) break;
    const auto status = PQresultStatus(next.get());
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good && !wrong) wrong = std::move(next);
    if (good) last = std::move(next);
  }
  if (wrong) return FailOf(wrong.get(), doing);
  if (PQstatus(handle_) == CONNECTION_BAD) return Receive(Sent::kNo, doing);
  return last;
}

Status Connection::Prepare(std::string_view sql, const sql::Values& values, std::string& name) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    name = found->second;
    return {};
  }
  name = fmt::format("s{}", statements_.size());
  const Parameters parameters(values);
  const int sent = PQsendPrepare(handle_, name.c_str(), WithDollars(sql).c_str(),
                                 parameters.count(), parameters.types());
  PROV_CHECK(Receive(sent == 1 ? Sent::kYes : Sent::kNo, sql));
  statements_.emplace(sql, name);
  return {};
}

Result<Connection::Answer> Connection::Execute(std::string_view sql, const sql::Values& values) {
  if (lost()) return Fail(Trouble::kUnavailable, "the connection was lost", sql);
  std::string name;
  PROV_CHECK(Prepare(sql, values, name));
  const Parameters parameters(values);
  const int sent =
      PQsendQueryPrepared(handle_, name.c_str(), parameters.count(), parameters.pointers(),
                          parameters.lengths(), parameters.formats(), kBinary);
  return Receive(sent == 1 ? Sent::kYes : Sent::kNo, sql);
}

Result<std::int64_t> Connection::Script(const std::string& sql) {
  if (lost()) return Fail(Trouble::kUnavailable, "the connection was lost", sql);
  const int sent = PQsendQuery(handle_, sql.c_str());
  PROV_TRY(const auto answer, Receive(sent == 1 ? Sent::kYes : Sent::kNo, sql));
  return answer ? PQntuples(answer.get()) : 0;
}

Result<std::int64_t> Connection::Run(std::string_view sql, const sql::Values& values) {
  PROV_TRY(const auto answer, Execute(sql, values));
  return std::strtoll(PQcmdTuples(answer.get()), nullptr, 10);
}

Status Connection::Query(std::string_view sql, const sql::Values& values,
                         const std::function<void(const sql::Row&)>& each) {
  PROV_TRY(const auto answer, Execute(sql, values));
  const int rows = PQntuples(answer.get());
  for (int row = 0; row < rows; ++row) each(ResultRow(answer.get(), row));
  return {};
}

const sql::Dialect& Connection::dialect() const {
  static constexpr sql::Dialect kDialect{.unindexed = "", .newest_of_each_app = NewestOfEachApp};
  return kDialect;
}

Status Connection::BeginRead() {
  PROV_CHECK(Begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  return {};
}

Status Connection::BeginWrite() {
  PROV_TRY(const auto heads, Begin("BEGIN ISOLATION LEVEL READ COMMITTED;"
                                   "SELECT 1 FROM audit_head FOR UPDATE"));
  if (heads == 1) return {};
  Rollback();
  return Error{ErrorCode::kCorrupt, "the audit's head is missing."};
}

Result<std::int64_t> Connection::Begin(const std::string& sql) {
  serialization_ = false;
  auto begun = Script(sql);
  if (!begun) Rollback();
  return begun;
}

// What the server said before it closed the connection is there by now: then no commit is asked
// for, and it is known that there was none.
void Connection::NoticeThatItIsLost() {
  for (int i = 0; i < 3 && !lost(); ++i) {
    pollfd one{PQsocket(handle_), POLLIN, 0};
    if (poll(&one, 1, 0) <= 0) return;
    if (PQconsumeInput(handle_) == 0 || PQstatus(handle_) == CONNECTION_BAD) Close();
  }
}

Status Connection::Commit() {
  NoticeThatItIsLost();
  if (lost()) return Fail(Trouble::kUnavailable, "the connection was lost", "COMMIT");
  const int sent = PQsendQuery(handle_, "COMMIT");
  const auto answer = Receive(sent == 1 ? Sent::kYes : Sent::kNo, "COMMIT");
  if (!answer && lost()) {
    outcome_unknown_ = true;
    return Error{ErrorCode::kUnavailable,
                 "the connection to the database was lost while committing; whether it was "
                 "committed is not known."};
  }
  if (!answer) return answer.error();
  if (*answer && std::string_view(PQcmdStatus(answer->get())) == "COMMIT") return {};
  return Error{ErrorCode::kInternal, "a bug: the work went on after a statement had failed."};
}

void Connection::Rollback() {
  if (!lost() && PQtransactionStatus(handle_) != PQTRANS_IDLE) (void)Script("ROLLBACK");
}

bool Connection::InTransaction() const {
  if (lost() || serialization_) return false;
  const auto status = PQtransactionStatus(handle_);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool Connection::TransactionFailed() const {
  return !lost() && PQtransactionStatus(handle_) == PQTRANS_INERROR;
}

}  // namespace prov::store::postgresql
