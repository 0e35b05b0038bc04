// The store that `database_url` names.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "store/database.hpp"

namespace prov::panel {

// Opens and migrates it. An error is a sentence that says what to do, and holds no password. With
// `on_away` a server that is not there is waited for, as postgresql::Options has it.
Result<std::unique_ptr<store::Database>> OpenDatabase(
    const std::string& url, std::function<void(const Error&)> on_away = nullptr);

}  // namespace prov::panel
