#include "signing/tree_digest.hpp"

#include <fstream>
#include <sys/stat.h>

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

TEST_F(TreeDigest, ADestinationThatExists_IsNotWrittenTo) {
  std::filesystem::create_directory(copy());
  EXPECT_FALSE(CopyAndDigestTree(tree(), copy()));
  EXPECT_TRUE(std::filesystem::is_empty(copy()));
}

}  // namespace
}  // namespace prov::signing
