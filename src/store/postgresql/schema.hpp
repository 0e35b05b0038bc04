// The schema as numbered steps; the row of schema_version says how many were done.
#pragma once

#include <span>
#include <string>

#include "store/postgresql/connection.hpp"

namespace prov::store::postgresql {

// Step i takes a database from version i to i + 1. A released step is never edited.
std::span<const std::string> MigrationSteps();

// Whether its version is this program's: kUnsupported, as a sentence, for any other.
Status CheckSameVersion(Connection& connection);

// Makes the tables in a database that has none: kUnsupported, with nothing touched, for one that
// has those of another version.
Status Found(Connection& connection);

// Brings the database to the newest version, in one transaction; of several processes one does it,
// and the others wait for that one. Writes nothing where there is nothing to do. kUnsupported, with
// nothing touched, when it is newer than this program.
Status Migrate(Connection& connection);

}  // namespace prov::store::postgresql
