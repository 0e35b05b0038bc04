#include "store/postgresql/trouble.hpp"

#include <fmt/format.h>

namespace prov::store::postgresql {
namespace {

struct Meaning {
  std::string_view state;  // all of an SQLSTATE, or its class: the first two characters
  Trouble trouble;
};

// The whole ones before their class.
constexpr Meaning kMeanings[] = {
    {"22021", Trouble::kText},
    {"22P05", Trouble::kText},
    {"23", Trouble::kConstraint},
    {"25006", Trouble::kReadOnly},
    {"25P03", Trouble::kUnavailable},
    {"26000", Trouble::kStaleStatement},
    {"0A000", Trouble::kStaleStatement},
    {"28", Trouble::kWrongPassword},
    {"3D000", Trouble::kUnknownDatabase},
    {"40", Trouble::kSerialization},
    {"42501", Trouble::kNotAllowed},
    {"53300", Trouble::kTooManyConnections},
    {"53", Trouble::kFull},
    {"55P03", Trouble::kTooSlow},
    {"57014", Trouble::kTooSlow},
    {"57", Trouble::kUnavailable},
    {"58", Trouble::kUnavailable},
    {"08", Trouble::kUnavailable},
    {"XX001", Trouble::kCorrupt},
    {"XX002", Trouble::kCorrupt},
};

ErrorCode CodeOf(Trouble trouble) {
  switch (trouble) {
    case Trouble::kConstraint:
      return ErrorCode::kConflict;
    case Trouble::kText:
      return ErrorCode::kInvalidArgument;
    case Trouble::kCorrupt:
      return ErrorCode::kCorrupt;
    case Trouble::kOther:
      return ErrorCode::kInternal;
    // The store's own trouble, whatever it is, is none of the caller's: it is away for now.
    case Trouble::kUnavailable:
    case Trouble::kSerialization:
    case Trouble::kStaleStatement:
    case Trouble::kReadOnly:
    case Trouble::kFull:
    case Trouble::kTooManyConnections:
    case Trouble::kWrongPassword:
    case Trouble::kUnknownDatabase:
    case Trouble::kNotAllowed:
    case Trouble::kTooSlow:
      return ErrorCode::kUnavailable;
  }
  return ErrorCode::kInternal;
}

// What to do about it; empty where that is for the caller, or nobody, to say.
std::string_view AdviceOf(Trouble trouble) {
  switch (trouble) {
    case Trouble::kUnavailable:
      return "is the server up, and does database_url name it?";
    case Trouble::kReadOnly:
      return "database_url must name the primary server, and it must take writes.";
    case Trouble::kFull:
      return "the server needs more disk or memory.";
    case Trouble::kTooManyConnections:
      return "raise max_connections, or the limit of the user or of the database.";
    case Trouble::kWrongPassword:
      return "give the right user and password in database_url, or in the file that its passfile "
             "names, and let them in by pg_hba.conf.";
    case Trouble::kUnknownDatabase:
      return "make it: CREATE DATABASE … OWNER … ENCODING 'UTF8' TEMPLATE template0.";
    case Trouble::kNotAllowed:
      return "make the user of database_url the owner of the database: ALTER DATABASE … OWNER TO …";
    case Trouble::kTooSlow:
      return "what holds it up is in pg_stat_activity.";
    case Trouble::kText:
      return "text may hold neither NUL nor anything but UTF-8.";
    case Trouble::kCorrupt:
      return "restore a backup.";
    case Trouble::kSerialization:
    case Trouble::kStaleStatement:
    case Trouble::kConstraint:
    case Trouble::kOther:
      return "";
  }
  return "";
}

}  // namespace

Trouble TroubleOf(std::string_view sqlstate) {
  if (sqlstate.empty()) return Trouble::kUnavailable;
  for (const auto& each : kMeanings) {
    if (sqlstate.starts_with(each.state)) return each.trouble;
  }
  return Trouble::kOther;
}

bool IsMendedByWaiting(Trouble trouble) {
  return trouble == Trouble::kUnavailable || trouble == Trouble::kTooManyConnections;
}

bool IsMendedByAPerson(Trouble trouble) {
  return trouble == Trouble::kWrongPassword || trouble == Trouble::kUnknownDatabase ||
         trouble == Trouble::kNotAllowed || trouble == Trouble::kReadOnly;
}

Error ErrorOf(Trouble trouble, std::string_view said, std::string_view doing) {
  const auto advice = AdviceOf(trouble);
  Error error{CodeOf(trouble),
              fmt::format("the database says: {}{}{}", said, advice.empty() ? "" : "; ", advice),
              {}};
  if (!doing.empty()) error.context.emplace_back(doing);
  return error;
}

}  // namespace prov::store::postgresql
