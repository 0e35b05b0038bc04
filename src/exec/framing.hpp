// The framing of src/job/framing.hpp, under the names this module uses for its journal and its log.
#pragma once

#include "job/framing.hpp"  // IWYU pragma: export

namespace prov::exec {

using job::AppendRecord;
using job::Crc32c;
using job::GetU32;
using job::GetU64;
using job::kRecordHeaderBytes;
using job::PutU32;
using job::PutU64;
using job::RecordReader;
using job::RecordState;

}  // namespace prov::exec
