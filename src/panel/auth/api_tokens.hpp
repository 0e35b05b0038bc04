// API tokens as an administrator makes, lists and revokes them at the panel's own machine, beside a
// running panel or not. Each writes its audit entry with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "store/database.hpp"

namespace prov::panel {

// What is stored of a token: SHA-256, in hex. It is random enough that no slower hash is needed.
std::string HashOfToken(std::string_view token);

// Whether tokens have such a scope.
bool IsTokenScope(std::string_view scope);

// A token that is not kept yet: its text, for whoever asked, and the row.
struct ComposedToken {
  std::string text;
  store::ApiToken row;
};
ComposedToken ComposeApiToken(const std::string& name, const std::string& user,
                              const std::vector<std::string>& scopes,
                              std::optional<WallTime> expires_at, const Clock& clock,
                              Random& random);
Status AddApiToken(store::Transaction& t, const store::ApiToken& token);

// Makes an API token; the text is shown once, its hash is kept.
Result<std::string> MakeApiToken(store::Database& database, const std::string& name,
                                 const std::string& user, const std::vector<std::string>& scopes,
                                 std::optional<Seconds> valid_for, const Clock& clock,
                                 Random& random);

// One a line: id, name, user, scopes, made, expires, last used, and whether it was revoked.
Result<std::string> ListApiTokens(store::Database& database);

// `which` is an id, or a name that only one token has that still works. A running panel refuses it
// within two seconds. kNotFound, kConflict for a name that several have.
Status RevokeApiToken(store::Database& database, const std::string& which, const Clock& clock);

}  // namespace prov::panel
