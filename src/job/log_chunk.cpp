#include "job/log_chunk.hpp"

#include <memory>
#include <zstd.h>

#include "job/event.hpp"
#include "job/framing.hpp"

namespace prov::job {
namespace {

// Making a context costs more than packing a small chunk. One for each thread that packs or
// unpacks.
ZSTD_CCtx* Packer() {
  thread_local const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(
      ZSTD_createCCtx(), ZSTD_freeCCtx);
  return context.get();
}
ZSTD_DCtx* Unpacker() {
  thread_local const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(
      ZSTD_createDCtx(), ZSTD_freeDCtx);
  return context.get();
}

}  // namespace

Result<std::string> PackFrames(std::string_view frames) {
  if (frames.empty())
    return Error{ErrorCode::kInvalidArgument, "a chunk of a log holds a frame at least", {}};
  if (frames.size() > kMaxLogChunkBytes)
    return Error{ErrorCode::kTooLarge, "the chunk of a log is larger than 1 MiB", {}};
  std::string packed(ZSTD_compressBound(frames.size()), '\0');
  constexpr int kLevel = 1;  // a log must keep up with whoever prints it
  const auto size = ZSTD_compressCCtx(Packer(), packed.data(), packed.size(), frames.data(),
                                      frames.size(), kLevel);
  if (ZSTD_isError(size)) {
    return Error{
        ErrorCode::kInternal, std::string("zstd cannot compress: ") + ZSTD_getErrorName(size), {}};
  }
  packed.resize(size);
  return packed;
}

Result<std::vector<LogFrame>> UnpackFrames(std::string_view compressed, std::uint64_t raw_size) {
  if (raw_size > kMaxLogChunkBytes)
    return Error{ErrorCode::kTooLarge, "the chunk of a log is larger than 1 MiB", {}};
  std::string frames(raw_size, '\0');
  const auto size = ZSTD_decompressDCtx(Unpacker(), frames.data(), frames.size(), compressed.data(),
                                        compressed.size());
  if (ZSTD_isError(size) || size != raw_size || size < kRecordHeaderBytes)
    return Error{ErrorCode::kCorrupt, "the chunk of a log is not what its size says", {}};
  auto read = ParseFrames(frames, GetU64(std::string_view(frames).substr(4)));
  if (read.end != RecordState::kEnd || read.frames.empty())
    return Error{ErrorCode::kCorrupt, "the chunk of a log does not hold whole frames", {}};
  return std::move(read.frames);
}

std::string EncodeStored(std::string_view compressed, std::uint64_t raw_size) {
  std::string stored;
  PutU32(stored, static_cast<std::uint32_t>(raw_size));
  return stored.append(compressed);
}

Result<std::vector<LogFrame>> DecodeStored(std::string_view stored) {
  if (stored.size() < 4)
    return Error{ErrorCode::kCorrupt, "the stored chunk of a log is cut off", {}};
  return UnpackFrames(stored.substr(4), GetU32(stored));
}

}  // namespace prov::job
