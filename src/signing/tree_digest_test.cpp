#include "signing/tree_digest.hpp"

#include <atomic>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "signing/keys.hpp"
#include "support/temporary_directory.hpp"

namespace prov::signing {
namespace {

using testing::HasSubstr;

class TreeDigest : public testing::Test {
 protected:
  TreeDigest() {
    std::filesystem::create_directories(tree() / "files/empty");
    Write("install.sh", "echo hi\n", 0755);
    Write("manifest.yml", "id: x\n", 0644);
    Write("files/a.conf", "", 0600);
  }

  Path tree() const { return dir_.path() / "x"; }
  Path copy() const { return dir_.path() / "copy"; }

  void Write(const std::string& name, std::string_view bytes, mode_t mode) const {
    std::ofstream(tree() / name) << bytes;
    chmod((tree() / name).c_str(), mode);
  }

  test::TemporaryDirectory dir_;
};

TEST_F(TreeDigest, IsTheHashOfTheDocumentedLines) {
  const auto hex = [](std::string_view bytes) { return HexEncode(Sha256(bytes)); };
  const std::string lines =
      "d 0755 0 - files\n"
      "f 0644 0 " +
      hex("") +
      " files/a.conf\n"
      "d 0755 0 - files/empty\n"
      "f 0755 8 " +
      hex("echo hi\n") +
      " install.sh\n"
      "f 0644 6 " +
      hex("id: x\n") + " manifest.yml\n";
  EXPECT_EQ(*DigestTree(tree()), "sha256:" + hex(lines));
}

TEST_F(TreeDigest, ACopy_HasTheSameDigestAndModes) {
  const auto digest = *DigestTree(tree());
  EXPECT_EQ(*CopyAndDigestTree(tree(), copy()), digest);
  EXPECT_EQ(*DigestTree(copy()), digest);
  struct stat found{};
  ASSERT_EQ(stat(copy().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0700U);
  ASSERT_EQ(stat((copy() / "install.sh").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0755U);
}

TEST_F(TreeDigest, AnyChange_ChangesIt) {
  const auto digest = *DigestTree(tree());
  Write("install.sh", "echo ho\n", 0755);
  EXPECT_NE(*DigestTree(tree()), digest);
  Write("install.sh", "echo hi\n", 0644);
  EXPECT_NE(*DigestTree(tree()), digest);
  Write("install.sh", "echo hi\n", 0755);
  EXPECT_EQ(*DigestTree(tree()), digest);
  std::filesystem::create_directory(tree() / "new");
  EXPECT_NE(*DigestTree(tree()), digest);
}

TEST_F(TreeDigest, WhatCannotBeTrusted_IsRefusedByName) {
  std::filesystem::create_symlink("/etc/passwd", tree() / "link");
  EXPECT_THAT(DigestTree(tree()).error().message,
              HasSubstr("`link` in the installer is a symbolic link"));
  std::filesystem::remove(tree() / "link");
  std::filesystem::create_directory_symlink("files", tree() / "dirlink");
  EXPECT_THAT(DigestTree(tree()).error().message,
              HasSubstr("`dirlink` in the installer is a symbolic link"));
  std::filesystem::remove(tree() / "dirlink");
  ASSERT_EQ(mkfifo((tree() / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(DigestTree(tree()).error().message, HasSubstr("`pipe` in the installer is neither"));
  std::filesystem::remove(tree() / "pipe");
  Write("new\nline", "", 0644);
  EXPECT_THAT(DigestTree(tree()).error().message, HasSubstr("newline"));
}

TEST_F(TreeDigest, ADirectoryThatIsASymlink_IsRefused) {
  std::filesystem::create_directory_symlink(tree(), dir_.path() / "alias");
  EXPECT_FALSE(DigestTree(dir_.path() / "alias"));
}

TEST_F(TreeDigest, Limits_AreKept) {
  EXPECT_EQ(DigestTree(tree(), {.entries = 4}).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(DigestTree(tree(), {.entries = 5}));
  EXPECT_EQ(DigestTree(tree(), {.bytes = 13}).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(DigestTree(tree(), {.bytes = 14}));
  EXPECT_EQ(DigestTree(tree(), {.depth = 1}).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(DigestTree(tree(), {.depth = 2}));
}

// Row 29 of docs/faults.md.
TEST_F(TreeDigest, Row29_SwappedAllTheTime_TheCopyIsWhatWasHashed) {
  const auto script = tree() / "install.sh";
  const auto other = dir_.path() / "other";
  const auto put = [&](const std::string& bytes) {
    std::ofstream(other, std::ios::trunc) << bytes;
    chmod(other.c_str(), 0755);
    std::filesystem::rename(other, script);
  };
  std::atomic<bool> stop = false;
  std::thread attacker([&] {
    const std::string good(3 * 65536, 'g');
    const std::string evil(3 * 65536, 'e');
    for (int turn = 0; !stop; ++turn) {
      put(turn % 2 == 0 ? good : evil);
      // In its place too, under who reads it.
      std::ofstream(script, std::ios::in | std::ios::out) << (turn % 2 == 0 ? evil : good);
      if (turn % 10 == 0) {
        std::filesystem::create_symlink("/etc/passwd", other);
        std::filesystem::rename(other, script);
      }
    }
  });
  int copied = 0;
  int mixed = 0;
  std::set<std::string> digests;
  for (int attempt = 0; attempt < 10'000; ++attempt) {
    std::filesystem::remove_all(copy());
    const auto digest = CopyAndDigestTree(tree(), copy());
    if (!digest) continue;
    ++copied;
    digests.insert(*digest);
    mixed += *DigestTree(copy()) != *digest ? 1 : 0;
  }
  stop = true;
  attacker.join();
  EXPECT_EQ(mixed, 0) << "of " << copied;
  EXPECT_GT(copied, 1000);
  EXPECT_GT(digests.size(), 1u) << "nothing was swapped";
}

TEST_F(TreeDigest, ADestinationThatExists_IsNotWrittenTo) {
  std::filesystem::create_directory(copy());
  EXPECT_FALSE(CopyAndDigestTree(tree(), copy()));
  EXPECT_TRUE(std::filesystem::is_empty(copy()));
}

}  // namespace
}  // namespace prov::signing
