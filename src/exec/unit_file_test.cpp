#include "exec/unit_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

std::string Program(std::string_view service, std::string_view instance = "") {
  return ParseServiceUnit("[Service]\n" + std::string(service), instance).program;
}

TEST(UnitFile, ExecStart_TheFirstOneWithoutPrefixes) {
  EXPECT_EQ(Program("ExecStart=/usr/sbin/nginx -g 'daemon on;'\n"), "/usr/sbin/nginx");
  EXPECT_EQ(Program("ExecStartPre=/bin/true\nExecStart=-@/usr/bin/x y\nExecStart=/no"),
            "/usr/bin/x");
  EXPECT_EQ(Program("ExecStart = +/a\n"), "/a");
  EXPECT_EQ(Program("Description=ExecStart=/no\n#ExecStart=/no\n;ExecStart=/no\n"), "");
}

TEST(UnitFile, ExecStart_AnEmptyOneForgetsThoseBefore) {
  EXPECT_EQ(Program("ExecStart=/no\nExecStart=\nExecStart=/yes"), "/yes");
  EXPECT_EQ(Program("ExecStart=/no\nExecStart=\n"), "");
}

TEST(UnitFile, ExecStart_QuotesEscapesAndLinesThatGoOn) {
  EXPECT_EQ(Program("ExecStart=\"/opt/my app/run\" x"), "/opt/my app/run");
  EXPECT_EQ(Program("ExecStart=-'/opt/my app/run'"), "/opt/my app/run");
  EXPECT_EQ(Program("ExecStart=/opt/my\\ app/run x"), "/opt/my app/run");
  EXPECT_EQ(Program("ExecStart=\\\n# a comment\n  /usr/bin/x \\\n  --flag\nPIDFile=/p"),
            "/usr/bin/x");
}

TEST(UnitFile, OtherSections_DoNotCount) {
  EXPECT_EQ(ParseServiceUnit("[Unit]\nExecStart=/no\n[Install]\nType=oneshot\n", ""),
            ServiceUnit{});
}

TEST(UnitFile, PidFileTypeAndInstance) {
  const auto unit = ParseServiceUnit(
      "[Service]\nType=oneshot\nPIDFile=/run/pg/%i%%.pid\nExecStart=/bin/%i-start %i\n", "15-main");
  EXPECT_EQ(unit, (ServiceUnit{"/bin/15-main-start", "/run/pg/15-main%.pid", true}));
}

class UnitFiles : public testing::Test {
 protected:
  void Write(const std::string& path, std::string_view text) {
    const auto file = directory_.path() / path;
    ASSERT_TRUE(MakeDirectories(file.parent_path(), 0755));
    ASSERT_TRUE(WriteFileAtomically(file, "[Service]\n" + std::string(text), 0644));
  }
  std::string Found(const std::string& name) {
    const auto unit = FindServiceUnit(directory_.path(), name);
    return unit ? unit->program : "none";
  }
  test::TemporaryDirectory directory_;
};

TEST_F(UnitFiles, EtcHidesTheDistributions) {
  EXPECT_EQ(Found("a.service"), "none");
  Write("lib/systemd/system/a.service", "ExecStart=/lib-a");
  EXPECT_EQ(Found("a.service"), "/lib-a");
  Write("etc/systemd/system/a.service", "ExecStart=/etc-a");
  EXPECT_EQ(Found("a.service"), "/etc-a");
}

TEST_F(UnitFiles, AnInstanceComesFromItsTemplate) {
  Write("lib/systemd/system/a@.service", "ExecStart=/bin/%i");
  EXPECT_EQ(Found("a@one.service"), "/bin/one");
  Write("etc/systemd/system/a@two.service", "ExecStart=/own/%i");
  EXPECT_EQ(Found("a@two.service"), "/own/two");
  EXPECT_EQ(Found("b@one.service"), "none");
}

TEST_F(UnitFiles, DropInsChangeIt_InTheOrderOfTheirNames) {
  Write("lib/systemd/system/a@.service", "ExecStart=/old");
  Write("lib/systemd/system/a@.service.d/20-last.conf", "ExecStart=\nExecStart=/last");
  Write("etc/systemd/system/a@x.service.d/10-first.conf", "ExecStart=\nExecStart=/first");
  Write("etc/systemd/system/a@x.service.d/90-ignored", "ExecStart=\nExecStart=/ignored");
  EXPECT_EQ(Found("a@x.service"), "/last");
  Write("etc/systemd/system/a@x.service.d/20-last.conf", "");
  EXPECT_EQ(Found("a@x.service"), "/first") << "a file in /etc hides one of the same name in /lib";
}

}  // namespace
}  // namespace prov::exec
