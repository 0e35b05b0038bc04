// Replays tests/vectors/contract/*.json, which other implementations of the contract replay too
// (tests/vectors/README.md says how), and holds docs/contract.md to them: each rule's id has a
// vector that is accepted and one that is refused. What job and exec implement is replayed there.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "base/encoding.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "contract/environment.hpp"
#include "contract/exit_code.hpp"
#include "contract/input_validation.hpp"
#include "contract/machine.hpp"
#include "contract/manifest_loader.hpp"

namespace prov::contract {
namespace {

namespace bj = boost::json;

std::vector<bj::object> Vectors() {
  std::vector<bj::object> vectors;
  for (const auto& entry :
       std::filesystem::directory_iterator(Path(PROV_SOURCE_DIR) / "tests/vectors/contract")) {
    if (entry.path().extension() != ".json") continue;
    const auto value = json::ParseText(ReadFile(entry.path(), 1 << 22).value(), {1 << 22, 32});
    for (const auto& vector : value.value().as_array()) vectors.push_back(vector.as_object());
  }
  return vectors;
}

std::string Text(const bj::object& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

std::string ManifestOf(const bj::object& vector) {
  if (vector.contains("manifest_base64")) {
    return Base64Decode(Text(vector, "manifest_base64")).value();
  }
  std::string manifest = Text(vector, "manifest");
  if (const auto* append = vector.if_contains("append")) {
    for (auto i = append->at(1).as_int64(); i > 0; --i) {
      manifest += std::string(append->at(0).as_string());
    }
  }
  return manifest;
}

LoadOutcome Load(const bj::object& vector) {
  const auto* given = vector.if_contains("directory");
  if (given == nullptr) return ParseManifest("manifest.yml", ManifestOf(vector));
  DirectoryFacts facts;
  facts.name = Text(given->as_object(), "name");
  for (const auto& file : given->as_object().at("files").as_array()) {
    facts.files.emplace(file.as_string());
  }
  return ParseManifest("manifest.yml", ManifestOf(vector), &facts);
}

bj::object Members(const bj::object& vector, std::string_view key) {
  const auto* value = vector.if_contains(key);
  return value != nullptr ? value->as_object() : bj::object{};
}

// One for one, in their order: `path` is the whole path, `message` a part of the sentence.
void ExpectFaults(const std::vector<ManifestFault>& faults, const bj::array& wanted) {
  std::string all;
  for (const auto& fault : faults) all += fault.ToString() + "\n";
  ASSERT_EQ(faults.size(), wanted.size()) << all;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& want = wanted[i].as_object();
    EXPECT_EQ(faults[i].path, Text(want, "path")) << all;
    if (want.contains("message")) {
      EXPECT_THAT(faults[i].message, testing::HasSubstr(Text(want, "message")));
    }
    if (want.contains("line")) EXPECT_EQ(faults[i].line, want.at("line").as_int64()) << all;
    if (want.contains("column")) EXPECT_EQ(faults[i].column, want.at("column").as_int64()) << all;
    if (want.contains("text")) EXPECT_EQ(faults[i].ToString(), Text(want, "text"));
  }
}

void ReplayInputs(const bj::object& vector, const Manifest& manifest) {
  const auto* action = vector.if_contains("action");
  const auto outcome =
      ValidateInputs(manifest, Members(vector, "inputs"),
                     action != nullptr ? json::EnumFromName<Action>(action->as_string()).value()
                                       : Action::kInstall,
                     Members(vector, "remembered"));
  bj::array errors;
  for (const auto& error : outcome.errors) {
    EXPECT_FALSE(error.message.empty());
    errors.push_back(bj::object{{"field", error.field}, {"rule", error.rule}});
  }
  const auto& expect = vector.at("expect");
  if (expect.is_string()) {
    EXPECT_TRUE(errors.empty()) << bj::serialize(errors);
    if (const auto* values = vector.if_contains("values")) {
      EXPECT_EQ(bj::value(outcome.inputs.values), *values) << bj::serialize(outcome.inputs.values);
    }
    if (const auto* visible = vector.if_contains("visible")) {
      EXPECT_EQ(bj::value_from(outcome.inputs.visible), *visible);
    }
  } else {
    EXPECT_EQ(bj::value(errors), expect.as_object().at("errors")) << bj::serialize(errors);
  }
}

void ReplayMachine(const bj::object& vector, const Manifest& manifest) {
  const auto machine = Members(vector, "machine");
  MachineFacts facts;
  facts.os = ParseOsRelease(Text(machine, "os_release"));
  facts.architecture = Text(machine, "architecture");
  facts.ram_mb = machine.at("ram_mb").as_int64();
  facts.free_disk_mb = machine.at("free_disk_mb").as_int64();
  facts.cpus = machine.at("cpus").as_int64();
  const auto unmet = CheckMachine(manifest, facts);
  const auto& expect = vector.at("expect");
  const auto wanted = expect.is_string() ? bj::array{} : expect.as_object().at("errors").as_array();
  ASSERT_EQ(unmet.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_THAT(unmet[i].message, testing::HasSubstr(Text(wanted[i].as_object(), "message")));
  }
}

void ReplayEnvironment(const bj::object& vector, const Manifest& manifest) {
  const auto given = Members(vector, "facts");
  EnvironmentFacts facts;
  facts.job_id = Text(given, "job_id");
  facts.attempt = static_cast<std::uint32_t>(given.at("attempt").as_int64());
  facts.action = json::EnumFromName<Action>(given.at("action").as_string()).value();
  facts.lib = Text(given, "lib");
  facts.state_dir = Text(given, "state_dir");
  facts.dry_run = given.at("dry_run").as_bool();
  facts.secret_dir = Text(given, "secret_dir");
  for (const auto& [name, value] : Members(given, "proxies"))
    facts.proxies[name] = value.as_string();
  const auto built = BuildEnvironment(manifest, Members(vector, "values"), facts);
  if (vector.contains("environment")) {
    bj::object variables;
    for (const auto& [name, value] : built.variables) variables[name] = value;
    EXPECT_EQ(variables, Members(vector, "environment")) << bj::serialize(variables);
    return;
  }
  for (const auto& name : vector.at("expect").as_object().at("absent").as_array())
    EXPECT_FALSE(built.variables.contains(std::string(name.as_string()))) << name;
}

void ReplayEnd(const bj::object& vector) {
  const auto given = Members(vector, "end");
  const auto says = [&](std::string_view key) {
    const auto* value = given.if_contains(key);
    return value != nullptr && value->as_bool();
  };
  ProcessEnd end;
  if (const auto* code = given.if_contains("exit_code"))
    end.exit_code = static_cast<int>(code->as_int64());
  if (const auto* signal = given.if_contains("signal"))
    end.signal = static_cast<int>(signal->as_int64());
  end.out_of_memory = says("out_of_memory");
  end.timed_out = says("timed_out");
  end.canceled = says("canceled");
  const auto& expect = vector.at("expect");
  const auto wanted =
      expect.is_string() ? Text(vector, "verdict") : Text(expect.as_object(), "verdict");
  const auto* reboots = vector.if_contains("reboots");
  const bool may_reboot =
      MayReboot(vector.at("reboot_allowed").as_bool() ? Reboot::kAllowed : Reboot::kNever,
                reboots != nullptr ? static_cast<std::uint32_t>(reboots->as_int64()) : 0);
  EXPECT_EQ(json::EnumName(Judge(end, may_reboot)), wanted);
}

void Replay(const bj::object& vector) {
  if (vector.contains("end")) return ReplayEnd(vector);
  if (vector.contains("retry")) return;                              // job's
  if (vector.contains("line") || vector.contains("script")) return;  // exec's
  const auto outcome = Load(vector);
  EXPECT_EQ(outcome.manifest.has_value(), outcome.faults.empty());
  const bool goes_on =
      vector.contains("inputs") || vector.contains("machine") || vector.contains("facts");
  if (!goes_on && vector.at("expect").is_object()) {
    return ExpectFaults(outcome.faults, vector.at("expect").as_object().at("errors").as_array());
  }
  ExpectFaults(outcome.faults, {});
  if (!outcome.manifest) return;
  if (vector.contains("inputs")) ReplayInputs(vector, *outcome.manifest);
  if (vector.contains("machine")) ReplayMachine(vector, *outcome.manifest);
  if (vector.contains("facts")) ReplayEnvironment(vector, *outcome.manifest);
}

TEST(ContractVectors, EveryVector_HasTheOutcomeItStates) {
  const auto vectors = Vectors();
  ASSERT_FALSE(vectors.empty());
  for (const auto& vector : vectors) {
    SCOPED_TRACE(Text(vector, "rule") + ": " + Text(vector, "name"));
    EXPECT_TRUE(vector.at("expect").is_object() || vector.at("expect") == "accept");
    Replay(vector);
  }
}

TEST(ContractVectors, EveryVector_HasOnlyMembersThatTheReadmeDescribes) {
  const auto readme = ReadFile(Path(PROV_SOURCE_DIR) / "tests/vectors/README.md", 1 << 20).value();
  std::set<std::string> names;
  for (const auto& vector : Vectors()) {
    const std::string name = Text(vector, "rule") + ": " + Text(vector, "name");
    EXPECT_TRUE(names.insert(name).second) << name << " is there twice";
    for (const auto& member : vector) {
      const std::string key = "`" + std::string(member.key()) + "`";
      EXPECT_THAT(readme, testing::HasSubstr(key)) << name;
    }
  }
}

TEST(ContractVectors, EveryRuleOfTheDocument_IsAcceptedOnceAndRefusedOnce) {
  std::map<std::string, std::set<bool>> seen;
  for (const auto& vector : Vectors()) {
    seen[Text(vector, "rule")].insert(vector.at("expect").is_string());
  }
  const std::string document =
      ReadFile(Path(PROV_SOURCE_DIR) / "docs/contract.md", 1 << 20).value();
  std::set<std::string> documented;
  std::string id;
  for (re2::StringPiece rest = document;
       RE2::FindAndConsume(&rest, R"(\*\*(C-[A-Z]+-[0-9]+)\*\*)", &id);)
    documented.insert(id);
  ASSERT_FALSE(documented.empty());
  for (const auto& rule : documented) {
    EXPECT_TRUE(seen[rule].contains(true)) << rule << " has no vector that is accepted";
    EXPECT_TRUE(seen[rule].contains(false)) << rule << " has no vector that is refused";
  }
  for (const auto& [rule, outcomes] : seen) {
    EXPECT_TRUE(documented.contains(rule)) << rule << " is not in docs/contract.md";
  }
}

}  // namespace
}  // namespace prov::contract
