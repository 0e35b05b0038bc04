// Which store a database_url names.
#pragma once

#include <string>

#include "base/files.hpp"
#include "base/result.hpp"

namespace prov::store {

enum class Engine { kSqlite, kPostgresql };

struct Url {
  Engine engine = Engine::kSqlite;
  std::string text;
  // Of sqlite:PATH.
  Path file() const;
  // Not to be shown, nor given where others see it.
  bool holds_password() const;
};

// kInvalidArgument, with what would be right and without the URL, for what is neither sqlite:PATH
// nor postgresql://….
Result<Url> ParseUrl(const std::string& text);
std::string SqliteUrl(const Path& file);

}  // namespace prov::store
