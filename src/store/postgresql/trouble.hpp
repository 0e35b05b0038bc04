// What the five characters of an SQLSTATE mean to a caller, and the sentence for a person.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace prov::store::postgresql {

enum class Trouble {
  kUnavailable,         // not reachable, shutting down, starting, or a connection that was lost
  kSerialization,       // another transaction was in the way: the same again may work at once
  kStaleStatement,      // what was prepared is not there, or not true, any more
  kConstraint,          // a row that breaks a rule of the schema
  kText,                // text that PostgreSQL cannot store: NUL, or not UTF-8
  kReadOnly,            // a standby, or a server that was made read-only
  kFull,                // no disk, no memory
  kTooManyConnections,  // the server's limit, or the user's, or the database's
  kWrongPassword,       // or not let in, for another reason
  kUnknownDatabase,
  kNotAllowed,  // the user lacks a right
  kTooSlow,     // a statement or a lock took longer than it may
  kCorrupt,     // the server found its files damaged
  kOther,       // a bug, most likely
};

// Of an SQLSTATE; "" is a connection that was lost.
Trouble TroubleOf(std::string_view sqlstate);

// The same again, a little later, may work although nobody did anything about it.
bool IsMendedByWaiting(Trouble trouble);
// Nothing will work until a person has changed the server or database_url.
bool IsMendedByAPerson(Trouble trouble);

// kConflict for a constraint, kInvalidArgument for text, kCorrupt, kInternal for a bug, else
// kUnavailable. `said` is the server's own message, without its detail, which may quote a row.
Error ErrorOf(Trouble trouble, std::string_view said, std::string_view doing);

}  // namespace prov::store::postgresql
