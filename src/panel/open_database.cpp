#include "panel/open_database.hpp"

#include "store/postgresql/connection.hpp"
#include "store/postgresql/database.hpp"
#include "store/sqlite/database.hpp"

namespace prov::panel {
namespace {

constexpr std::string_view kSqlite = "sqlite:";

bool IsSqlite(const std::string& url) {
  return url.starts_with(kSqlite) && url.size() > kSqlite.size();
}

bool IsPostgresql(const std::string& url) {
  return url.starts_with("postgresql:") || url.starts_with("postgres:");
}

template <class Store>
Result<std::unique_ptr<store::Database>> Open(const auto& options) {
  PROV_TRY(auto opened, Store::Open(options));
  return std::unique_ptr<store::Database>(std::move(opened));
}

}  // namespace

std::string SqliteUrl(const Path& file) { return std::string(kSqlite) + file.string(); }

Status CheckDatabaseUrl(const std::string& url) {
  if (IsSqlite(url)) return {};
  if (IsPostgresql(url)) return store::postgresql::CheckUrl(url);
  return Error{ErrorCode::kInvalidArgument,
               "must be sqlite:PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"};
}

Result<std::unique_ptr<store::Database>> OpenDatabase(const std::string& url) {
  PROV_CHECK(CheckDatabaseUrl(url));
  if (IsPostgresql(url))
    return Open<store::postgresql::PostgresqlDatabase>(store::postgresql::Options{.url = url});
  return Open<store::sqlite::SqliteDatabase>(
      store::sqlite::Options{.path = url.substr(kSqlite.size())});
}

}  // namespace prov::panel
