// The store that `database_url` names.
#pragma once

#include <memory>
#include <string>

#include "base/files.hpp"
#include "base/result.hpp"
#include "store/database.hpp"

namespace prov::panel {

std::string SqliteUrl(const Path& file);

// kInvalidArgument, with what would be right and without the URL, for what is neither sqlite:PATH
// nor postgresql://….
Status CheckDatabaseUrl(const std::string& url);

// Opens and migrates it. An error is a sentence that says what to do, and holds no password.
Result<std::unique_ptr<store::Database>> OpenDatabase(const std::string& url);

}  // namespace prov::panel
