#include "panel/registry/registry.hpp"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "panel/panel_fixture_test.hpp"
#include "signing/tree_digest.hpp"

namespace prov::panel {
namespace {

namespace fs = std::filesystem;

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class RegistryTest : public PanelTest {
 protected:
  void SetUp() override { AddInstaller("demo"); }
  Path In(const std::string& path) const { return InstallersDirectory() / path; }
  void Write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(WriteFileAtomically(In(path), text, 0644));
  }
  // What lies outside the catalogue, and nobody may see.
  Path Outside() {
    const auto path = directory_.path() / "outside";
    EXPECT_TRUE(WriteFileAtomically(path, "outside-7f3a: secret\n", 0644));
    return path;
  }
  std::shared_ptr<const Catalogue> Load() {
    const auto loaded = registry_.Reload();
    EXPECT_TRUE(loaded) << loaded.error().ToString();
    return registry_.Current();
  }
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const auto& [id, installer] : registry_.Current()->installers) ids.push_back(id);
    return ids;
  }
  static std::string TextOf(const Installer& installer) {
    std::string text = installer.id + installer.digest + installer.readme + installer.icon;
    for (const auto& fault : installer.faults) text += fault.ToString() + "\n";
    return text;
  }
  // Broken, listed with its errors, and nothing of what is outside in it.
  void ExpectRefused(const std::string& id, const std::string& why) {
    const auto catalogue = Load();
    const auto* installer = catalogue->Find(id);
    ASSERT_NE(installer, nullptr) << "a broken installer is listed";
    EXPECT_FALSE(installer->manifest);
    EXPECT_THAT(installer->faults, Not(IsEmpty()));
    EXPECT_THAT(TextOf(*installer), HasSubstr(why));
    EXPECT_THAT(TextOf(*installer), Not(HasSubstr("outside-7f3a")));
  }
  void ExpectGood(const std::string& id) {
    const auto catalogue = Load();
    const auto* installer = catalogue->Find(id);
    ASSERT_NE(installer, nullptr);
    EXPECT_TRUE(installer->manifest) << TextOf(*installer);
    EXPECT_THAT(installer->faults, IsEmpty());
    EXPECT_EQ(installer->digest, *signing::DigestTree(In(id)));
  }

  Registry registry_{InstallersDirectory(), clock_, log_};
};

TEST_F(RegistryTest, BeforeTheFirstReload_IsEmpty) {
  EXPECT_THAT(Ids(), IsEmpty());
  EXPECT_EQ(registry_.Current()->loaded_at, WallTime{});
  EXPECT_EQ(registry_.Current()->Find("demo"), nullptr);
}

TEST_F(RegistryTest, Reload_ShowsWhatIsThereNow) {
  Write("demo/README.md", "# Demo\n");
  ExpectGood("demo");
  EXPECT_EQ(registry_.Current()->loaded_at, clock_.Now());
  EXPECT_EQ(registry_.Current()->Find("demo")->readme, "# Demo\n");
  AddInstaller("other");
  EXPECT_THAT(Ids(), ElementsAre("demo")) << "not before it is told to";
  clock_.Advance(Seconds{1});
  Load();
  EXPECT_THAT(Ids(), ElementsAre("demo", "other"));
  EXPECT_EQ(registry_.Current()->loaded_at, clock_.Now());
  fs::remove_all(In("demo"));
  Load();
  EXPECT_THAT(Ids(), ElementsAre("other"));
  EXPECT_EQ(log_.Count("registry_loaded"), 3);
}

TEST_F(RegistryTest, ACatalogueThatIsHeld_StaysAsItWas) {
  const auto held = Load();
  const auto digest = held->Find("demo")->digest;
  Write("demo/install.sh", "echo changed\n");
  const auto later = Load();
  EXPECT_EQ(held->Find("demo")->digest, digest);
  EXPECT_NE(later->Find("demo")->digest, digest);
}

TEST_F(RegistryTest, AnInstallerThatIsReplacedMeanwhile_IsNeverAMixOfTwo) {
  AddInstaller("demo", "homepage: https://next.example\n");
  fs::create_directory(In(".next"));
  fs::rename(In("demo"), In(".next/demo"));
  AddInstaller("demo");
  const auto digest = [&](const std::string& path) { return *signing::DigestTree(In(path)); };
  const std::map<std::string, std::string> homepage{{digest("demo"), ""},
                                                    {digest(".next/demo"), "https://next.example"}};
  std::set<std::string> seen;
  std::jthread replacing([&](std::stop_token stop) {
    const auto exchange = [&] {
      ASSERT_EQ(renameat2(AT_FDCWD, In("demo").c_str(), AT_FDCWD, In(".next/demo").c_str(),
                          RENAME_EXCHANGE),
                0);
    };
    while (!stop.stop_requested()) {
      exchange();
      std::this_thread::sleep_for(Millis{1});
    }
  });
  for (int i = 0; i < 2000 && (seen.size() < 2 || i < 500); ++i) {
    const auto catalogue = Load();
    const auto* demo = catalogue->Find("demo");
    ASSERT_NE(demo, nullptr);
    if (!demo->manifest) continue;
    EXPECT_EQ(demo->manifest->homepage, homepage.at(demo->digest));
    seen.insert(demo->digest);
  }
  EXPECT_EQ(seen.size(), 2U) << "both were read";
}

TEST_F(RegistryTest, ADirectoryThatCannotBeRead_LeavesTheCatalogueAsItWas) {
  Load();
  fs::rename(InstallersDirectory(), directory_.path() / "away");
  EXPECT_TRUE(registry_.Changed());
  const auto failed = registry_.Reload();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("cannot read the installers in"));
  EXPECT_EQ(registry_.failed_reloads(), 1U);
  EXPECT_THAT(Ids(), ElementsAre("demo"));
  EXPECT_TRUE(registry_.Changed()) << "it is looked for again";
  EXPECT_THAT(registry_.last_failure(), HasSubstr("INSTALLERS_DIR"));
  fs::rename(directory_.path() / "away", InstallersDirectory());
  EXPECT_TRUE(registry_.Changed()) << "it is there again, just as it was";
  ExpectGood("demo");
  EXPECT_EQ(registry_.last_failure(), "");
}

struct Edit {
  std::string name;
  std::function<void(const fs::path&)> make;  // in the installers' directory
};

void Append(const fs::path& path) {
  auto text = *ReadFile(path, 1 << 20);
  ASSERT_TRUE(WriteFileAtomically(path, text + "# more\n", 0644));
}

class Edits : public RegistryTest, public ::testing::WithParamInterface<Edit> {};

TEST_P(Edits, AreNoticedUntilTheNextReload) {
  Write("demo/README.md", "# Demo\n");
  fs::create_directories(In("demo/files/deep"));
  Write("demo/files/deep/x.conf", "x\n");
  Load();
  EXPECT_FALSE(registry_.Changed());
  GetParam().make(InstallersDirectory());
  EXPECT_TRUE(registry_.Changed());
  EXPECT_TRUE(registry_.Changed()) << "looking changes nothing";
  Load();
  EXPECT_FALSE(registry_.Changed());
}

INSTANTIATE_TEST_SUITE_P(
    Registry, Edits,
    ::testing::Values(
        Edit{"OfAManifest", [](const fs::path& in) { Append(in / "demo/manifest.yml"); }},
        Edit{"OfAScript", [](const fs::path& in) { Append(in / "demo/install.sh"); }},
        Edit{"DeepInside", [](const fs::path& in) { Append(in / "demo/files/deep/x.conf"); }},
        Edit{"ThatRemoveAFile", [](const fs::path& in) { fs::remove(in / "demo/README.md"); }},
        Edit{"ThatAddAFile",
             [](const fs::path& in) {
               ASSERT_TRUE(WriteFileAtomically(in / "demo/check.sh", "true\n", 0644));
             }},
        Edit{"ThatRename",
             [](const fs::path& in) { fs::rename(in / "demo/README.md", in / "demo/LIESMICH"); }},
        Edit{"OfAMode",
             [](const fs::path& in) {
               fs::permissions(in / "demo/install.sh", fs::perms::owner_exec,
                               fs::perm_options::add);
             }},
        Edit{"ThatAddAnInstaller",
             [](const fs::path& in) { fs::create_directory(in / "another"); }},
        Edit{"ThatRemoveAnInstaller", [](const fs::path& in) { fs::remove_all(in / "demo"); }},
        Edit{"OfTheSameLengthAndTime",  // as an archive with fixed times brings them
             [](const fs::path& in) {
               const auto script = in / "demo/install.sh";
               const auto time = fs::last_write_time(script);
               const auto directory = fs::last_write_time(in / "demo");
               ASSERT_TRUE(WriteFileAtomically(script, "echo HELLO\n", 0644));
               fs::last_write_time(script, time);
               fs::last_write_time(in / "demo", directory);
             }}),
    [](const auto& info) { return info.param.name; });

TEST_F(RegistryTest, ABrokenInstaller_IsListedWithItsErrorsAndComesBackRepaired) {
  AddInstaller("other");
  ExpectGood("demo");
  struct Break {
    std::string manifest;
    std::string why;
  };
  for (const auto& [manifest, why] :
       {Break{"id: [\n", "manifest.yml:"}, Break{"", "manifest.yml:"},
        Break{Manifest("demo", "inputs: 7\n"), "inputs"},
        Break{Manifest("another"), "must equal the directory's name"},
        Break{Manifest("demo", "colour: red\n"), "colour"}, Break{"\xff\xfe", "manifest.yml:"},
        Break{std::string(contract::kMaxManifestBytes + 1, '#'), "more than"}}) {
    SCOPED_TRACE(manifest.substr(0, 40));
    Write("demo/manifest.yml", manifest);
    EXPECT_TRUE(registry_.Changed());
    ExpectRefused("demo", why);
    EXPECT_TRUE(registry_.Current()->Find("other")->manifest) << "one does not break another";
    Write("demo/manifest.yml", Manifest("demo"));
    EXPECT_TRUE(registry_.Changed());
    ExpectGood("demo");
  }
}

TEST_F(RegistryTest, EveryErrorOfAManifest_IsToldWithItsPlace) {
  Write("demo/manifest.yml", Manifest("demo", "colour: red\ninputs: 7\n"));
  const auto catalogue = Load();
  const auto& faults = catalogue->Find("demo")->faults;
  ASSERT_GE(faults.size(), 2U);
  for (const auto& fault : faults) {
    EXPECT_EQ(fault.file, "manifest.yml");
    EXPECT_GT(fault.line, 1);
  }
}

TEST_F(RegistryTest, WithoutAManifestOrScript_IsBroken) {
  fs::remove(In("demo/manifest.yml"));
  ExpectRefused("demo", "manifest.yml");
  AddInstaller("demo");
  fs::remove(In("demo/install.sh"));
  ExpectRefused("demo", "install.sh");
  AddInstaller("demo");
  ExpectGood("demo");
}

TEST_F(RegistryTest, WhatIsNoDirectoryOfItsOwn_IsNoInstaller) {
  AddInstaller(".hidden");
  Write("file", "no installer\n");
  fs::create_directory_symlink(In("demo"), In("link"));
  const auto elsewhere = directory_.path() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::copy(In("demo"), elsewhere);
  fs::create_directory_symlink(elsewhere, In("out"));
  fs::create_symlink("/nonexistent", In("dangling"));
  Load();
  EXPECT_THAT(Ids(), ElementsAre("demo"));
}

class OutOfTheTree : public RegistryTest, public ::testing::WithParamInterface<std::string> {};

// A link in the place of each file the panel reads, to where it must not read.
TEST_P(OutOfTheTree, ALink_IsRefusedAndWhatItLeadsToIsNotRead) {
  const auto& name = GetParam();
  Write("demo/manifest.yml", Manifest("demo", "icon: icon.svg\n"));
  Write("demo/icon.svg", "<svg/>\n");
  Write("demo/README.md", "# Demo\n");
  fs::create_directory(In("demo/files"));
  ExpectGood("demo");
  const auto outside = Outside();
  fs::remove(In("demo/" + name));
  for (const auto& target : {outside, Path("../../outside"),
                             Path(name.starts_with("files/") ? "../install.sh" : "install.sh")}) {
    SCOPED_TRACE(target.string());
    fs::create_symlink(target, In("demo/" + name));
    ExpectRefused("demo", name);
    EXPECT_EQ(registry_.Current()->Find("demo")->digest, "");
    fs::remove(In("demo/" + name));
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, OutOfTheTree,
                         ::testing::Values("manifest.yml", "install.sh", "README.md", "icon.svg",
                                           "files/x.conf"),
                         [](const auto& info) {
                           auto name = info.param;
                           std::ranges::replace_if(
                               name, [](char c) { return c == '.' || c == '/'; }, '_');
                           return name;
                         });

TEST_F(RegistryTest, ALinkedDirectory_IsRefused) {
  const auto outside = directory_.path() / "files";
  fs::create_directories(outside);
  fs::create_directory_symlink(outside, In("demo/files"));
  ExpectRefused("demo", "files");
}

TEST_F(RegistryTest, AnIconByAPath_IsRefused) {
  Outside();
  for (const auto* icon : {"../../outside", "/etc/passwd", "files/icon.svg", "..", "."}) {
    SCOPED_TRACE(icon);
    Write("demo/manifest.yml", Manifest("demo", "icon: " + std::string(icon) + "\n"));
    ExpectRefused("demo", "icon");
  }
}

// The panel is one thread: whoever makes it wait for a pipe has stopped it.
TEST_F(RegistryTest, APipe_IsRefusedAndNotWaitedFor) {
  for (const auto* name : {"manifest.yml", "README.md", "install.sh", "icon.svg"}) {
    SCOPED_TRACE(name);
    fs::remove_all(In("demo"));
    AddInstaller("demo");
    fs::remove(In("demo/" + std::string(name)));
    ASSERT_EQ(mkfifo(In("demo/" + std::string(name)).c_str(), 0644), 0);
    alarm(60);  // ends the test, rather than to hang for ever
    ExpectRefused("demo", name);
    alarm(0);
  }
}

TEST_F(RegistryTest, AReadmeThatIsTooLong_IsLeftOut) {
  Write("demo/README.md", std::string(256 * 1024 + 1, 'x'));
  ExpectGood("demo");
  EXPECT_EQ(registry_.Current()->Find("demo")->readme, "");
}

}  // namespace
}  // namespace prov::panel
