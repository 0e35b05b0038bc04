// A whole installation, moved to another database, or kept in a file and brought back
// (docs/decisions/0020-a-backup-is-an-sqlite-file.md). What fails leaves nothing behind: a target
// as empty as it was, no file, the source untouched.
#pragma once

#include <cstdint>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"
#include "store/audit.hpp"
#include "store/transfer/copy.hpp"
#include "store/url.hpp"

namespace prov::store::transfer {

// From a database that no panel uses to an empty one, in one transaction, checked row for row. Both
// are this program's: kUnsupported for another schema, which stays as it is.
Result<std::vector<Digest>> Move(const Url& from, const Url& to, const Progress& progress);

// One state of the database, while panels use it, as the file (0600): written beside it, read again
// and compared, made durable, and only then given its name. kConflict where the file exists.
Result<std::vector<Digest>> Backup(const Url& from, const Path& file, const Progress& progress);

// What Backup() wrote to an empty database that no panel uses, in one transaction. Before that a
// copy of it in `scratch`, a directory, is held to the digests it was written with: kCorrupt.
// kUnsupported for one of a newer program. `event` becomes the newest entry of what was restored.
Result<std::vector<Digest>> Restore(const Path& file, const Url& to, const Path& scratch,
                                    const AuditEvent& event, const Progress& progress);

}  // namespace prov::store::transfer
