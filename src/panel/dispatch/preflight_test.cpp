#include "panel/dispatch/preflight.hpp"

#include "contract/manifest_loader.hpp"
#include "panel/dispatch/event_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PreflightTest : public EventTest {
 protected:
  static contract::Manifest Wanting(const std::string& more) {
    const auto loaded = contract::ParseManifest(
        "manifest.yml",
        "id: demo\nname: Demo\nversion: \"1.0\"\ndescription: For tests\ncategory: testing\n"
        "author: The provisioning project\ntimeout_seconds: 60\nidempotent: true\n" +
            more);
    EXPECT_TRUE(loaded.manifest) << loaded.faults.front().ToString();
    return loaded.manifest ? *loaded.manifest : contract::Manifest{};
  }
  // A server as its agent reported it: an Ubuntu with 1024 MB, 2 processors and 512 MB of disk.
  store::Agent Server(const std::function<void(job::Facts&)>& change = {}) {
    auto event = Facts();
    event.facts->os = {"ubuntu", "22.04", "Ubuntu 22.04", "amd64",
                       std::vector<std::string>{"debian"}};
    event.facts->disk_free_mb = 512;
    if (change) change(*event.facts);
    store::Agent agent;
    agent.id = kAgent;
    agent.facts = json::Write(*event.facts);
    return agent;
  }
  static std::vector<std::string> Unmet(const std::optional<net::Problem>& problem) {
    std::vector<std::string> unmet;
    if (!problem) return unmet;
    EXPECT_EQ(problem->status, 422);
    EXPECT_EQ(problem->code, "unsuitable_server");
    for (const auto& error : problem->errors) {
      EXPECT_EQ(error.field, "/server_id");
      unmet.push_back(error.rule + ": " + error.message);
    }
    return unmet;
  }
};

TEST_F(PreflightTest, AServerThatFits_Passes_AlsoByWhatItsSystemIsLike) {
  for (const char* os : {"ubuntu", "debian", "fedora, ubuntu"}) {
    const auto manifest = Wanting("os_requirements: {family: [" + std::string(os) +
                                  "], architectures: [amd64]}\n"
                                  "resource_requirements: {min_ram_mb: 1024, min_disk_mb: 512,"
                                  " min_cpus: 2}\n");
    EXPECT_THAT(Unmet(Preflight(manifest, Server())), IsEmpty()) << os;
  }
}

TEST_F(PreflightTest, AServerThatDoesNotFit_IsToldAllThatIsWantedAndWhatItHas) {
  const struct {
    const char* wants;
    const char* rule;
    const char* has;
  } cases[] = {
      {"family: [fedora]", "os_requirements.family: ", "Ubuntu 22.04"},
      {"family: [ubuntu], min_version: \"24.04\"", "os_requirements.min_version: ", "24.04"},
      {"family: [ubuntu], architectures: [arm64]", "os_requirements.architectures: ", "arm64"}};
  for (const auto& each : cases) {
    const auto unmet =
        Unmet(Preflight(Wanting("os_requirements: {" + std::string(each.wants) + "}\n"), Server()));
    ASSERT_THAT(unmet, SizeIs(1)) << each.wants;
    EXPECT_THAT(unmet[0], testing::StartsWith(each.rule));
    EXPECT_THAT(unmet[0], HasSubstr(each.has));
  }
  const auto unmet =
      Unmet(Preflight(Wanting("os_requirements: {family: [fedora]}\nresource_requirements: "
                              "{min_ram_mb: 1025, min_disk_mb: 800, min_cpus: 3}\n"),
                      Server()));
  ASSERT_THAT(unmet, SizeIs(4)) << "all at once";
  EXPECT_THAT(unmet[1], HasSubstr("min_ram_mb: 1025 MB of memory are needed, there are 1024"));
  EXPECT_THAT(unmet[2], HasSubstr("min_disk_mb: 800"));
  EXPECT_THAT(unmet[3], HasSubstr("min_cpus: 3"));
}

// Free disk is told in steps of 256 MB: 512 may be 767, and then the agent would take the job.
TEST_F(PreflightTest, DiskThatMayBeEnough_IsTheAgentsToJudge) {
  const auto wants = [](const std::string& mb) {
    return Wanting(
        "os_requirements: {family: [ubuntu]}\nresource_requirements: {min_disk_mb: " + mb + "}\n");
  };
  EXPECT_THAT(Unmet(Preflight(wants("767"), Server())), IsEmpty());
  EXPECT_THAT(Unmet(Preflight(wants("768"), Server())), SizeIs(1));
}

TEST_F(PreflightTest, AServerThatIsNotKnownWellEnough_IsTheAgentsToJudge) {
  const auto manifest = Wanting("os_requirements: {family: [fedora]}\n");
  store::Agent silent;
  EXPECT_THAT(Unmet(Preflight(manifest, silent)), IsEmpty()) << "it has told nothing";
  const auto older = Server([](job::Facts& facts) { facts.os.id_like.reset(); });
  EXPECT_THAT(Unmet(Preflight(manifest, older)), IsEmpty()) << "it may be like a fedora";
}

// From the agent's signed facts to the refusal of a job.
TEST_F(PreflightTest, FactsAsReported_AreWhatASubmitIsJudgedBy) {
  auto facts = Facts();
  facts.facts->os.id_like.emplace();
  ASSERT_TRUE(Deliver({facts}));
  const auto agent = Agent();
  EXPECT_THAT(Unmet(Preflight(Wanting("os_requirements: {family: [fedora]}\n"), agent)), SizeIs(1));
  EXPECT_THAT(Unmet(Preflight(Wanting("os_requirements: {family: [debian]}\n"), agent)), IsEmpty());
}

}  // namespace
}  // namespace prov::panel
