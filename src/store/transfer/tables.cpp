#include "store/transfer/tables.hpp"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace prov::store::transfer {
namespace {

constexpr std::pair<std::string_view, Type> kTypes[] = {
    {"integer", Type::kInteger}, {"text", Type::kText}, {"bytes", Type::kBytes}};

std::string_view NameOf(Type type) {
  for (const auto& [name, each] : kTypes) {
    if (each == type) return name;
  }
  return "";
}

std::string Joined(std::span<const Column> columns) {
  return fmt::format(
      "{}",
      fmt::join(columns | std::views::transform([](const Column& c) { return c.name; }), ", "));
}

// Its columns are this program's own text.
Table Make(std::string name, std::size_t key, std::string_view columns) {
  return {std::move(name), key, *ParseColumns(columns)};
}

}  // namespace

std::string Table::ColumnNames() const { return Joined(columns); }
std::string Table::KeyNames() const { return Joined(std::span(columns).first(key)); }

std::string Table::Describe() const {
  return fmt::format("{}", fmt::join(columns | std::views::transform([](const Column& c) {
                                       return fmt::format("{}:{}", c.name, NameOf(c.type));
                                     }),
                                     " "));
}

Result<std::vector<Column>> ParseColumns(std::string_view text) {
  std::vector<Column> columns;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto colon = word.find(':');
    const auto name = word.substr(0, colon);
    const auto* const type =
        std::ranges::find(kTypes, colon == std::string_view::npos ? "" : word.substr(colon + 1),
                          &std::pair<std::string_view, Type>::first);
    const bool is_name = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_';
    });
    if (type == std::end(kTypes) || !is_name)
      return Error{ErrorCode::kCorrupt, fmt::format("`{}` is no column with its type.", word)};
    columns.push_back({std::string(name), type->second});
  }
  return columns;
}

std::span<const Table> Tables() {
  static const std::vector<Table> tables{
      Make("jobs", 1,
           "id:bytes app_id:text app_version:text installer_digest:text server_id:text action:text "
           "inputs:text sealed_inputs:text max_attempts:integer backoff_seconds:integer "
           "user_id:text origin:text retry_of:bytes created_at:integer status:text "
           "status_reason:text attempt:integer next_attempt_at:integer exit_code:integer "
           "signal:integer failure_kind:text needs_attention:integer progress:integer message:text "
           "dispatched_at:integer started_at:integer finished_at:integer "
           "cancel_requested_at:integer outputs:text left_running:text log:text seq:integer "
           "undelivered:integer envelope:bytes sealed_ciphertext:bytes steps:text "
           "known_failure:text claimed_user_id:text log_removed_at:integer"),
      Make("changes", 2,
           "job_id:bytes seq:integer at:integer attempt:integer status:text progress:integer "
           "message:text cancel_requested_at:integer log_first:integer log_count:integer "
           "log_bytes:bytes"),
      Make("audit", 1,
           "sequence:integer at:integer user_id:text action:text subject:text detail:text "
           "previous:bytes hash:bytes"),
      Make("audit_head", 1, "sequence:integer hash:bytes"),
      Make("agents", 1,
           "id:text registered_at:integer key_generation:integer epoch:text sealing_key:bytes "
           "facts:text last_seen_at:integer drained:integer warnings:text "
           "previous_generation:integer offered_generation:integer cloned_since:integer "
           "cloned_evidence:text refused:text"),
      Make("agent_events", 2, "agent_id:text epoch:text sequence:integer hash:bytes"),
      Make("agent_event_hashes", 3, "agent_id:text epoch:text sequence:integer hash:bytes"),
      Make("commands", 1,
           "id:bytes agent_id:text kind:text job_id:bytes bytes:bytes created_at:integer "
           "expires_at:integer"),
      Make("replays", 2,
           "user_id:text idempotency_key:text made_at:integer body_mac:bytes status:integer "
           "location:text body:bytes"),
      Make("api_tokens", 1,
           "id:bytes hash:bytes name:text user_id:text scopes:text created_at:integer "
           "expires_at:integer last_used_at:integer revoked_at:integer"),
      Make("enrolment_tokens", 1,
           "id:bytes hash:bytes agent_id:text purpose:text created_by:text created_at:integer "
           "expires_at:integer used_at:integer"),
      Make("users", 1,
           "id:bytes name:text password_hash:text role:text disabled:integer created_at:integer "
           "last_seen_at:integer preferences:text"),
      Make("sessions", 1,
           "hash:bytes user_id:bytes created_at:integer last_seen_at:integer expires_at:integer"),
      Make("sign_in_attempts", 1, "hash:bytes attempts:integer since:integer"),
      Make("app_statistics", 1,
           "app_id:text jobs:integer succeeded:integer failed:integer last_used_at:integer"),
  };
  return tables;
}

}  // namespace prov::store::transfer
