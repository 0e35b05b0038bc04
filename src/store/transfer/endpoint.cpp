#include "store/transfer/endpoint.hpp"

#include <fmt/format.h>

#include "store/postgresql/connection.hpp"
#include "store/postgresql/schema.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/schema.hpp"
#include "store/transfer/copy.hpp"

namespace prov::store::transfer {
namespace {

using Opened = Result<std::unique_ptr<sql::Connection>>;

// Other panels do not wait for what is read here, and nobody else is there when it is written.
constexpr Millis kPatience = std::chrono::hours{1};

enum class End { kSource, kTarget };

// A target is founded where it is new. What is there already stays as it is, of whichever version.
Opened OpenSqlite(const Url& url, Sharing sharing, End end) {
  PROV_TRY(auto connection, sqlite::Connection::Open(url.file(), {}));
  if (sharing == Sharing::kAlone) PROV_CHECK(connection->TakeAlone());
  PROV_CHECK(end == End::kTarget ? sqlite::Found(*connection)
                                 : sqlite::CheckSameVersion(*connection));
  return std::unique_ptr<sql::Connection>(std::move(connection));
}

Opened OpenPostgresql(const Url& url, Sharing sharing, End end) {
  using postgresql::Connection;
  PROV_TRY(auto connection, Connection::Open(url.text, {}));
  PROV_CHECK(connection->Occupy(sharing == Sharing::kAlone ? Connection::Use::kAlone
                                                           : Connection::Use::kWithOthers));
  PROV_CHECK(end == End::kTarget ? postgresql::Found(*connection)
                                 : postgresql::CheckSameVersion(*connection));
  PROV_CHECK(connection->SetTimeouts(kPatience, kPatience));
  return std::unique_ptr<sql::Connection>(std::move(connection));
}

Opened OpenEither(const Url& url, Sharing sharing, End end) {
  return url.engine == Engine::kSqlite ? OpenSqlite(url, sharing, end)
                                       : OpenPostgresql(url, sharing, end);
}

}  // namespace

Opened OpenSource(const Url& url, Sharing sharing) {
  if (url.engine == Engine::kSqlite && !std::filesystem::exists(url.file())) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no database {}.", url.file().string())};
  }
  PROV_TRY(auto connection, OpenEither(url, sharing, End::kSource));
  PROV_CHECK(connection->BeginRead());
  return connection;
}

Opened OpenTarget(const Url& url) {
  if (url.engine == Engine::kSqlite) PROV_CHECK(MakeDirectories(url.file().parent_path(), 0700));
  PROV_TRY(auto connection, OpenEither(url, Sharing::kAlone, End::kTarget));
  PROV_CHECK(connection->BeginWrite());
  PROV_CHECK(CheckEmpty(*connection));
  return connection;
}

}  // namespace prov::store::transfer
