// `provisioning-panel migrate`, `backup` and `restore` (docs/operations/backup.md), as a person at
// a terminal sees them: progress goes to standard error, what came of it is the text that is
// returned.
#pragma once

#include <string>

#include "base/files.hpp"
#include "base/result.hpp"
#include "store/url.hpp"

namespace prov::panel {

// An end of a migration, from the flag `--NAME URL` or `--NAME-file FILE`, of which the other is
// empty. kInvalidArgument for a password in a flag, which every user of the machine can read.
Result<store::Url> UrlFromFlags(const std::string& name, const std::string& url,
                                const std::string& file);

Result<std::string> MigrateStore(const store::Url& from, const store::Url& to);
Result<std::string> BackUpStore(const store::Url& from, const Path& file);
// `scratch` has room for a copy of the file.
Result<std::string> RestoreStore(const Path& file, const store::Url& to, const Path& scratch);

}  // namespace prov::panel
