#include "panel/open_database.hpp"

#include "store/postgresql/database.hpp"
#include "store/sqlite/database.hpp"
#include "store/url.hpp"

namespace prov::panel {
namespace {

template <class Store>
Result<std::unique_ptr<store::Database>> Open(const auto& options) {
  PROV_TRY(auto opened, Store::Open(options));
  return std::unique_ptr<store::Database>(std::move(opened));
}

}  // namespace

Result<std::unique_ptr<store::Database>> OpenDatabase(const std::string& url,
                                                      std::function<void(const Error&)> on_away) {
  PROV_TRY(const auto parsed, store::ParseUrl(url));
  if (parsed.engine == store::Engine::kPostgresql)
    return Open<store::postgresql::PostgresqlDatabase>(
        store::postgresql::Options{.url = url, .on_away = std::move(on_away)});
  return Open<store::sqlite::SqliteDatabase>(store::sqlite::Options{.path = parsed.file()});
}

}  // namespace prov::panel
