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

Opened OpenSqlite(const Url& url, Sharing sharing) {
  PROV_TRY(auto connection, sqlite::Connection::Open(url.file(), {}));
  if (sharing == Sharing::kAlone) PROV_CHECK(connection->TakeAlone());
  PROV_CHECK(sharing == Sharing::kAlone ? sqlite::Migrate(*connection)
                                        : sqlite::CheckSameVersion(*connection));
  return std::unique_ptr<sql::Connection>(std::move(connection));
}

Opened OpenPostgresql(const Url& url, Sharing sharing) {
  using postgresql::Connection;
  PROV_TRY(auto connection, Connection::Open(url.text, {}));
  PROV_CHECK(connection->Occupy(sharing == Sharing::kAlone ? Connection::Use::kAlone
                                                           : Connection::Use::kWithOthers));
  PROV_CHECK(sharing == Sharing::kAlone ? postgresql::Migrate(*connection)
                                        : postgresql::CheckSameVersion(*connection));
  PROV_CHECK(connection->SetTimeouts(kPatience, kPatience));
  return std::unique_ptr<sql::Connection>(std::move(connection));
}

Opened OpenEither(const Url& url, Sharing sharing) {
  return url.engine == Engine::kSqlite ? OpenSqlite(url, sharing) : OpenPostgresql(url, sharing);
}

}  // namespace

Opened OpenSource(const Url& url, Sharing sharing) {
  if (url.engine == Engine::kSqlite && !std::filesystem::exists(url.file())) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no database {}.", url.file().string())};
  }
  PROV_TRY(auto connection, OpenEither(url, sharing));
  PROV_CHECK(connection->BeginRead());
  return connection;
}

Opened OpenTarget(const Url& url) {
  if (url.engine == Engine::kSqlite) PROV_CHECK(MakeDirectories(url.file().parent_path(), 0700));
  PROV_TRY(auto connection, OpenEither(url, Sharing::kAlone));
  PROV_CHECK(connection->BeginWrite());
  PROV_CHECK(CheckEmpty(*connection));
  return connection;
}

}  // namespace prov::store::transfer
