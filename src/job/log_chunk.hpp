// Log frames as they travel in a `log` event and lie in the store: compressed with zstd
// (docs/formats/events.md). Whoever unpacks does not trust the size that is claimed: nothing is
// allocated or produced beyond kMaxLogChunkBytes. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "job/log_frames.hpp"

namespace prov::job {

// The zstd-compressed bytes of whole frames. kInvalidArgument for none at all, kTooLarge beyond
// kMaxLogChunkBytes.
Result<std::string> PackFrames(std::string_view frames);

// The frames of a chunk; the first may have any sequence, the others follow it without a gap.
// kCorrupt: not zstd, not exactly `raw_size` bytes, not whole frames, none at all. kTooLarge:
// `raw_size` is beyond kMaxLogChunkBytes.
Result<std::vector<LogFrame>> UnpackFrames(std::string_view compressed, std::uint64_t raw_size);

// What store::LogChunk.bytes holds: the raw size (u32, little endian), then the compressed bytes.
std::string EncodeStored(std::string_view compressed, std::uint64_t raw_size);
Result<std::vector<LogFrame>> DecodeStored(std::string_view stored);

}  // namespace prov::job
