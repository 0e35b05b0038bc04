#include "panel/store_commands.hpp"

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/encoding.hpp"
#include "panel/auth/accounts.hpp"
#include "store/transfer/transfer.hpp"

namespace prov::panel {
namespace {

using Copied = Result<std::vector<store::transfer::Digest>>;

constexpr std::size_t kLongestUrl = 64 << 10;
constexpr Millis kBetweenLines{1000};

store::transfer::Progress ShowProgress() {
  return [last = std::chrono::steady_clock::now()](const std::string& table,
                                                   std::uint64_t rows) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - last < kBetweenLines) return;
    last = now;
    std::fprintf(stderr, "%s: %llu rows\n", table.c_str(), static_cast<unsigned long long>(rows));
  };
}

// A line for each table: its name, how many rows, and their digest, the same on both sides.
Result<std::string> Told(const Copied& copied) {
  if (!copied) return copied.error();
  std::string text;
  for (const auto& each : *copied)
    text += fmt::format("{}{:<20} {:>10}  {}", text.empty() ? "" : "\n", each.table, each.rows,
                        HexEncode(each.sha256));
  return text;
}

}  // namespace

Result<store::Url> UrlFromFlags(const std::string& name, const std::string& url,
                                const std::string& file) {
  if (url.empty() == file.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("migrate takes --{0} URL, or --{0}-file FILE, which holds it", name)};
  }
  auto text = url;
  if (!file.empty()) {
    PROV_TRY(text, ReadFile(file, kLongestUrl));
    while (text.ends_with('\n')) text.pop_back();
  }
  auto parsed = store::ParseUrl(text);
  if (!parsed) return std::move(parsed).error().While(fmt::format("--{}", name));
  if (!url.empty() && parsed->holds_password()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("--{0} would show its password to everybody on this machine: put the "
                             "URL into a file and give --{0}-file FILE, or the password into a "
                             "passfile or PGPASSWORD",
                             name)};
  }
  return parsed;
}

Result<std::string> MigrateStore(const store::Url& from, const store::Url& to) {
  return Told(store::transfer::Move(from, to, ShowProgress()));
}

Result<std::string> BackUpStore(const store::Url& from, const Path& file) {
  return Told(store::transfer::Backup(from, file, ShowProgress()));
}

Result<std::string> RestoreStore(const Path& file, const store::Url& to, const Path& scratch) {
  const store::AuditEvent event{SystemClock().Now(), kByHand, "store.restored", "store", {}};
  return Told(store::transfer::Restore(file, to, scratch, event, ShowProgress()));
}

}  // namespace prov::panel
