// The log of a job as text, for people on the server: <log_dir>/<job>.log, made from the frames of
// all its attempts when it is over.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "exec/paths.hpp"

namespace prov::agent {

Path JobLogPath(const Path& directory, const Uuid& job);

// Nothing where no attempt was made. Mode 0640; not fsynced, since the frames stay.
Status WriteJobLog(const exec::StatePaths& state, const Uuid& job, std::uint32_t attempts,
                   const Path& directory);

}  // namespace prov::agent
