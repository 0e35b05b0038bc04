#include "agent/executor/installer_store.hpp"

#include <functional>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov::agent {
namespace {

namespace fs = std::filesystem;

class InstallerStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(source_ / "files");
    Write(source_ / "install.sh", "echo hello\n");
    Write(source_ / "files/data", "data\n");
    digest_ = *signing::DigestTree(source_);
    ASSERT_EQ(*store_.Take(source_, digest_, {}), digest_);
  }

  static void Write(const Path& file, std::string_view text) {
    ASSERT_TRUE(WriteFileAtomically(file, text, 0644));
  }
  std::string Script(const Path& copy) { return *ReadFile(copy / "install.sh", 1000); }
  Path Next() { return directory_.path() / ("copy-" + std::to_string(++copies_)); }
  std::vector<Path> Spares() {
    std::vector<Path> found;
    for (const auto& each : fs::directory_iterator(store_.Original(digest_).parent_path())) {
      if (each.path().filename() != "original") found.push_back(each.path());
    }
    return found;
  }

  test::TemporaryDirectory directory_;
  Path source_ = directory_.path() / "source";
  Path kept_ = directory_.path() / "installers";
  std::string digest_;
  InstallerStore store_{kept_};
  int copies_ = 0;
};

TEST_F(InstallerStoreTest, SourceReplaced_WhatWasTakenIsHandedOut) {
  Write(source_ / "install.sh", "echo other\n");
  const auto now = store_.Take(source_, digest_, {});
  ASSERT_TRUE(now);
  EXPECT_NE(*now, digest_);
  const auto copy = Next();
  ASSERT_TRUE(store_.HandOut(digest_, copy));
  EXPECT_EQ(Script(copy), "echo hello\n");
}

TEST_F(InstallerStoreTest, AnotherDigestIsWanted_NothingIsKept) {
  Write(source_ / "install.sh", "echo other\n");
  const std::string wanted = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(*store_.Take(source_, wanted, {}), *signing::DigestTree(source_));
  EXPECT_FALSE(store_.Holds(wanted));
  EXPECT_FALSE(store_.HandOut(wanted, Next()));
  EXPECT_FALSE(store_.Holds("sha256:../../etc"));
}

TEST_F(InstallerStoreTest, CopyLeftAsItWas_IsHandedOutAgain) {
  const auto first = Next();
  ASSERT_TRUE(store_.HandOut(digest_, first));
  Write(first / "mark", "");
  fs::remove(first / "mark");
  struct stat before{};
  ASSERT_EQ(stat((first / "install.sh").c_str(), &before), 0);
  store_.TakeBack(digest_, first);
  EXPECT_FALSE(fs::exists(first));
  const auto second = Next();
  ASSERT_TRUE(store_.HandOut(digest_, second));
  struct stat after{};
  ASSERT_EQ(stat((second / "install.sh").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_TRUE(Spares().empty());
}

TEST_F(InstallerStoreTest, CopyThatWasChanged_IsNotHandedOut) {
  const Path aside = directory_.path() / "aside";
  const std::pair<const char*, std::function<void(const Path&)>> changes[] = {
      {"other bytes", [](const Path& copy) { Write(copy / "install.sh", "echo evil\n"); }},
      {"a file more", [](const Path& copy) { Write(copy / "more", ""); }},
      {"a directory more", [](const Path& copy) { fs::create_directory(copy / "more"); }},
      {"a file less", [](const Path& copy) { fs::remove(copy / "files/data"); }},
      {"a symbolic link", [](const Path& copy) { fs::create_symlink("/", copy / "link"); }},
      {"writable by others", [](const Path& copy) { chmod((copy / "install.sh").c_str(), 0666); }},
      {"unreadable", [](const Path& copy) { chmod((copy / "files/data").c_str(), 0600); }},
      {"a directory of others", [](const Path& copy) { chmod((copy / "files").c_str(), 0777); }},
      {"open to others", [](const Path& copy) { chmod(copy.c_str(), 0755); }},
      {"a second name",
       [&](const Path& copy) { fs::create_hard_link(copy / "install.sh", aside); }},
  };
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    const auto first = Next();
    ASSERT_TRUE(store_.HandOut(digest_, first));
    change(first);
    store_.TakeBack(digest_, first);
    const auto second = Next();
    ASSERT_TRUE(store_.HandOut(digest_, second));
    EXPECT_EQ(*signing::DigestTree(second, {.as_copied = true}), digest_);
    struct stat found{};
    ASSERT_EQ(stat(second.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0700u);
    EXPECT_TRUE(Spares().empty()) << "the changed one is gone";
  }
}

TEST_F(InstallerStoreTest, OriginalThatIsDamaged_IsRefusedAndTakenAnew) {
  fs::resize_file(store_.Original(digest_) / "install.sh", 0);
  const auto copy = Next();
  const auto handed = store_.HandOut(digest_, copy);
  ASSERT_FALSE(handed);
  EXPECT_EQ(handed.error().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(fs::exists(copy));
  EXPECT_FALSE(store_.Holds(digest_));
  EXPECT_EQ(*store_.Take(source_, digest_, {}), digest_);
  ASSERT_TRUE(store_.HandOut(digest_, copy));
  EXPECT_EQ(Script(copy), "echo hello\n");
}

TEST_F(InstallerStoreTest, CopyThatFailsInTheMidst_LeavesNothing) {
  ASSERT_EQ(mkfifo((store_.Original(digest_) / "z").c_str(), 0600), 0);
  const auto copy = Next();
  EXPECT_FALSE(store_.HandOut(digest_, copy));
  EXPECT_FALSE(fs::exists(copy));
}

TEST_F(InstallerStoreTest, AnotherProcess_BelievesWhatItHashedItself) {
  const auto spare = Next();
  ASSERT_TRUE(store_.HandOut(digest_, spare));
  store_.TakeBack(digest_, spare);
  fs::create_directories(kept_ / "new");  // a copy that was under way
  {
    InstallerStore next(kept_);
    EXPECT_TRUE(next.Holds(digest_));
    ASSERT_TRUE(next.HandOut(digest_, Next()));
    EXPECT_TRUE(Spares().empty()) << "it knows those of before";
  }
  Write(store_.Original(digest_) / "install.sh", "echo evil\n");
  InstallerStore next(kept_);
  EXPECT_FALSE(next.Holds(digest_));
}

TEST_F(InstallerStoreTest, KeepOnly_LeavesWhatIsNeededAndWhatWasLastTaken) {
  Write(source_ / "install.sh", "echo second\n");
  const auto second = *signing::DigestTree(source_);
  ASSERT_TRUE(store_.Take(source_, second, {}));
  Write(source_ / "install.sh", "echo third\n");
  const auto third = *signing::DigestTree(source_);
  ASSERT_TRUE(store_.Take(source_, third, {}));
  store_.KeepOnly({digest_});
  EXPECT_TRUE(store_.Holds(digest_));
  EXPECT_FALSE(store_.Holds(second));
  EXPECT_TRUE(store_.Holds(third));
  EXPECT_FALSE(fs::exists(store_.Original(second)));
  fs::remove_all(source_);
  store_.KeepOnly({});
  EXPECT_TRUE(fs::is_empty(kept_)) << "of an installer that is gone nothing is kept";
}

TEST_F(InstallerStoreTest, ManyThatComeBack_AFewAreKept) {
  std::vector<Path> out;
  for (int i = 0; i < 12; ++i) {
    out.push_back(Next());
    ASSERT_TRUE(store_.HandOut(digest_, out.back()));
  }
  for (const auto& copy : out) store_.TakeBack(digest_, copy);
  EXPECT_EQ(Spares().size(), 8u);
  for (const auto& copy : out) EXPECT_FALSE(fs::exists(copy));
}

}  // namespace
}  // namespace prov::agent
