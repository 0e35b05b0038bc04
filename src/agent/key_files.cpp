#include "agent/key_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::agent {

Result<std::string> ReadKeyFile(const Path& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 &&
      ((status.st_mode & 0077) != 0 || status.st_uid != geteuid())) {
    return Error{ErrorCode::kPermissionDenied,
                 fmt::format("{0} holds keys and is not private; chown root {0}; chmod 600 {0}, "
                             "and enroll again if others could read it",
                             path.string()),
                 {}};
  }
  return ReadFile(path, kMaxKeyFileBytes);
}

Result<signing::SecretBytes> KeyFrom(const Path& path, std::string_view base64) {
  auto bytes = Base64Decode(base64);
  if (!bytes || bytes->size() != signing::kKeyBytes) return NotOurs(path, "a key has 32 bytes");
  return signing::SecretBytes(std::move(*bytes));
}

Error NotOurs(const Path& path, std::string_view why) {
  return {ErrorCode::kCorrupt,
          fmt::format("{} is not what this program writes: {}", path.string(), why),
          {}};
}

}  // namespace prov::agent
