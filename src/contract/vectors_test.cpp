// Replays tests/vectors/contract/*.json, which other implementations of the contract replay too,
// and holds docs/contract.md to them: each rule's id has a vector that is accepted and one that is
// refused.
#include <filesystem>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

LoadOutcome Load(const bj::object& vector) {
  const auto* given = vector.if_contains("directory");
  if (given == nullptr) return ParseManifest("manifest.yml", Text(vector, "manifest"));
  DirectoryFacts facts;
  facts.name = Text(given->as_object(), "name");
  for (const auto& file : given->as_object().at("files").as_array()) {
    facts.files.emplace(file.as_string());
  }
  return ParseManifest("manifest.yml", Text(vector, "manifest"), &facts);
}

bj::object Members(const bj::object& vector, std::string_view key) {
  const auto* value = vector.if_contains(key);
  return value != nullptr ? value->as_object() : bj::object{};
}

// {"path"} or {"path", "message"} for manifests; `message` is a part of the real one.
void ExpectFaults(const std::vector<ManifestFault>& faults, const bj::array& wanted) {
  std::string all;
  for (const auto& fault : faults) all += fault.ToString() + "\n";
  EXPECT_EQ(faults.size(), wanted.size()) << all;
  for (const auto& want : wanted) {
    const auto& object = want.as_object();
    const bool found = std::ranges::any_of(faults, [&](const ManifestFault& fault) {
      const auto* message = object.if_contains("message");
      const auto* line = object.if_contains("line");
      const auto* column = object.if_contains("column");
      return fault.path == Text(object, "path") &&
             (message == nullptr ||
              fault.message.find(message->as_string().c_str()) != std::string::npos) &&
             (line == nullptr || fault.line == line->as_int64()) &&
             (column == nullptr || fault.column == column->as_int64());
    });
    EXPECT_TRUE(found) << "wanted " << bj::serialize(want) << ", got:\n" << all;
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
  const auto reasons = CheckMachine(manifest, facts);
  const auto& expect = vector.at("expect");
  const auto wanted = expect.is_string() ? 0U : expect.as_object().at("errors").as_array().size();
  EXPECT_EQ(reasons.size(), wanted) << testing::PrintToString(reasons);
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
  EXPECT_EQ(json::EnumName(Judge(end, vector.at("reboot_allowed").as_bool())), wanted);
}

void Replay(const bj::object& vector) {
  if (vector.contains("end")) return ReplayEnd(vector);
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
    Replay(vector);
  }
}

TEST(ContractVectors, EveryRuleOfTheDocument_IsAcceptedOnceAndRefusedOnce) {
  std::map<std::string, std::set<bool>> seen;
  for (const auto& vector : Vectors()) {
    seen[Text(vector, "rule")].insert(vector.at("expect").is_string());
  }
  const std::string document =
      ReadFile(Path(PROV_SOURCE_DIR) / "docs/contract.md", 1 << 20).value();
  const std::regex id("\\*\\*(C-[A-Z]+-[0-9]+)\\*\\*");
  std::set<std::string> documented;
  for (std::sregex_iterator it(document.begin(), document.end(), id), end; it != end; ++it) {
    documented.insert((*it)[1]);
  }
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
