// Reading files that hold keys. No key is ever quoted in an error.
#pragma once

#include <string>
#include <string_view>

#include "base/files.hpp"
#include "base/result.hpp"
#include "signing/keys.hpp"

namespace prov::agent {

inline constexpr std::size_t kMaxKeyFileBytes = 16 * 1024;

// The file's text, if nobody but its owner, who is us, can read it; kPermissionDenied otherwise.
Result<std::string> ReadKeyFile(const Path& path);
// A key as it stands in `path`, in base64; kCorrupt unless it is one.
Result<signing::SecretBytes> KeyFrom(const Path& path, std::string_view base64);
// kCorrupt.
Error NotOurs(const Path& path, std::string_view why);

}  // namespace prov::agent
