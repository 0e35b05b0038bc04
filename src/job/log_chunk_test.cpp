#include "job/log_chunk.hpp"

#include <gtest/gtest.h>

#include "job/event.hpp"

namespace prov::job {
namespace {

std::string Frames(std::uint64_t first, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    AppendFrame(bytes, {first + static_cast<std::uint64_t>(i), WallTime{Millis{1000 + i}},
                        Stream::kOut, "a line\n"});
  }
  return bytes;
}

TEST(LogChunk, LogChunk_PackedAndUnpacked_IsTheSameWhateverItsFirstSequence) {
  for (const std::uint64_t first : {std::uint64_t{1}, std::uint64_t{71}}) {
    const auto raw = Frames(first, 9);
    auto packed = PackFrames(raw);
    ASSERT_TRUE(packed);
    auto frames = UnpackFrames(*packed, raw.size());
    ASSERT_TRUE(frames) << frames.error().ToString();
    EXPECT_EQ(*frames, ParseFrames(raw, first).frames);
    auto stored = DecodeStored(EncodeStored(*packed, raw.size()));
    ASSERT_TRUE(stored);
    EXPECT_EQ(*stored, *frames);
  }
}

TEST(LogChunk, LogChunk_HostileBytes_AreRefusedWithoutUnpackingThem) {
  const auto raw = Frames(1, 3);
  const auto packed = *PackFrames(raw);
  const auto code = [](const auto& result) { return result.error().code; };
  EXPECT_EQ(code(UnpackFrames(packed, raw.size() - 1)), ErrorCode::kCorrupt);
  EXPECT_EQ(code(UnpackFrames(packed, raw.size() + 1)), ErrorCode::kCorrupt);
  EXPECT_EQ(code(UnpackFrames(packed, kMaxLogChunkBytes + 1)), ErrorCode::kTooLarge);
  EXPECT_EQ(code(UnpackFrames(packed, 0)), ErrorCode::kCorrupt);
  EXPECT_EQ(code(UnpackFrames("not zstd", 8)), ErrorCode::kCorrupt);
  EXPECT_EQ(code(UnpackFrames("", 0)), ErrorCode::kCorrupt);
  for (std::size_t length = 0; length < packed.size(); ++length)
    EXPECT_FALSE(UnpackFrames(std::string_view(packed).substr(0, length), raw.size()));
  // More than it claims: a bomb stops at the size claimed.
  const auto bomb = *PackFrames(std::string(kMaxLogChunkBytes, 'x'));
  EXPECT_EQ(code(UnpackFrames(bomb, 1000)), ErrorCode::kCorrupt);
  const auto cut = raw.substr(0, raw.size() - 1);
  EXPECT_EQ(code(UnpackFrames(*PackFrames(cut), cut.size())), ErrorCode::kCorrupt);
  for (const std::string_view stored : {"", "abc", "\xff\xff\xff\xff"})
    EXPECT_FALSE(DecodeStored(stored));
  EXPECT_EQ(code(PackFrames("")), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(PackFrames(std::string(kMaxLogChunkBytes + 1, 'x'))), ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace prov::job
