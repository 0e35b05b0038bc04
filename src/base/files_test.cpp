#include "base/files.hpp"

#include <fstream>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov {
namespace {

using test::TemporaryDirectory;

TEST(Files, ReadFile_OverTheLimit_IsTooLarge) {
  const TemporaryDirectory dir;
  std::ofstream(dir.path() / "f") << "12345";
  EXPECT_EQ(*ReadFile(dir.path() / "f", 5), "12345");
  EXPECT_EQ(ReadFile(dir.path() / "f", 4).error().code, ErrorCode::kTooLarge);
}

TEST(Files, ReadFile_ThatIsNotThere_NamesThePath) {
  const TemporaryDirectory dir;
  const auto read = ReadFile(dir.path() / "absent", 10);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(read.error().message, testing::HasSubstr("absent"));
}

TEST(Files, WriteFileAtomically_ReplacesBytesAndMode_AndLeavesNothingElse) {
  const TemporaryDirectory dir;
  const auto path = dir.path() / "secret";
  ASSERT_TRUE(WriteFileAtomically(path, "old", 0644));
  std::ofstream(path.string() + ".new") << "left by a crash";
  ASSERT_TRUE(WriteFileAtomically(path, std::string("new\0bytes", 9), 0600));
  EXPECT_EQ(*ReadFile(path, 100), std::string("new\0bytes", 9));
  struct stat found{};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(Files, MakeDirectories_MakesParents_AndRefusesAFileInTheWay) {
  const TemporaryDirectory dir;
  EXPECT_TRUE(MakeDirectories(dir.path() / "a/b/c", 0700));
  EXPECT_TRUE(MakeDirectories(dir.path() / "a/b/c", 0700));
  EXPECT_TRUE(std::filesystem::is_directory(dir.path() / "a/b/c"));
  std::ofstream(dir.path() / "file") << "";
  EXPECT_FALSE(MakeDirectories(dir.path() / "file/below", 0700));
}

TEST(Files, UniqueFd_MovedFrom_OwnsNothing) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  UniqueFd writer(ends[1]), reader(ends[0]);
  UniqueFd moved(std::move(reader));
  EXPECT_FALSE(reader);
  EXPECT_TRUE(moved);
}

}  // namespace
}  // namespace prov
