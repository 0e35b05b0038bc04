#include "store/url.hpp"

#include "store/postgresql/connection.hpp"

namespace prov::store {
namespace {

constexpr std::string_view kSqlite = "sqlite:";

}  // namespace

Path Url::file() const { return text.substr(kSqlite.size()); }

bool Url::holds_password() const {
  return engine == Engine::kPostgresql && postgresql::HoldsPassword(text);
}

Result<Url> ParseUrl(const std::string& text) {
  if (text.starts_with(kSqlite) && text.size() > kSqlite.size()) return Url{Engine::kSqlite, text};
  if (!text.starts_with("postgresql:") && !text.starts_with("postgres:")) {
    return Error{ErrorCode::kInvalidArgument,
                 "must be sqlite:PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"};
  }
  PROV_CHECK(postgresql::CheckUrl(text));
  return Url{Engine::kPostgresql, text};
}

std::string SqliteUrl(const Path& file) { return std::string(kSqlite) + file.string(); }

}  // namespace prov::store
