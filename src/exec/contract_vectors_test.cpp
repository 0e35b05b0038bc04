// Replays those of tests/vectors/contract/script.json that are about a script's lines and about how
// it is run.
#include <filesystem>
#include <sys/wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.hpp"
#include "contract/output_lines.hpp"
#include "exec/runner_pool.hpp"
#include "support/temporary_directory.hpp"

namespace prov::exec {
namespace {

namespace bj = boost::json;

std::vector<bj::object> VectorsWith(std::string_view member) {
  const auto path = Path(PROV_SOURCE_DIR) / "tests/vectors/contract/script.json";
  const auto all = json::ParseText(ReadFile(path, 1 << 20).value()).value();
  std::vector<bj::object> vectors;
  for (const auto& vector : all.as_array()) {
    if (vector.as_object().contains(member)) vectors.push_back(vector.as_object());
  }
  EXPECT_FALSE(vectors.empty());
  return vectors;
}

bj::object Understood(const contract::ScriptLine& line) {
  if (const auto* progress = std::get_if<contract::ProgressLine>(&line)) {
    return {{"progress", progress->percent}, {"message", progress->message}};
  }
  if (const auto* output = std::get_if<contract::OutputLine>(&line)) {
    return {{"output", output->name}, {"value", output->value}};
  }
  if (const auto* warning = std::get_if<contract::WarningLine>(&line))
    return {{"warning", warning->text}};
  return {{"plain", true}};
}

TEST(ContractVectors, EveryLine_IsUnderstoodAsItsVectorSays) {
  for (const auto& vector : VectorsWith("line")) {
    const auto& expect = vector.at("expect");
    EXPECT_EQ(bj::value(Understood(contract::ParseScriptLine(vector.at("line").as_string()))),
              expect.is_string() ? vector.at("understood") : expect)
        << vector.at("name");
  }
}

TEST(ContractVectors, EveryScript_FindsWhatItsVectorSays) {
  SystemClock clock;
  SystemRandom random;
  for (const auto& vector : VectorsWith("script")) {
    SCOPED_TRACE(std::string(vector.at("name").as_string()));
    test::TemporaryDirectory directory;
    AttemptSpec spec;
    spec.id.job = Uuid::MakeV7(clock, random);
    spec.paths = *MakeAttempt({directory.path()}, spec.id);
    const Path copy = spec.paths.Installer();
    std::filesystem::create_directories(copy);
    ASSERT_TRUE(WriteFileAtomically(copy / "manifest.yml", "", 0644));
    ASSERT_TRUE(WriteFileAtomically(copy / "install.sh", vector.at("script").as_string(), 0755));
    spec.script = "install.sh";
    spec.prepare = [](const Path&) -> Result<ScriptInputs> {
      return ScriptInputs{{{{"PATH", "/usr/bin:/bin"}}, {}}, {}};
    };
    spec.cgroup = *DetectCgroup(true);
    spec.grace = Millis{100};
    auto runner = StartRunner(spec, clock);
    ASSERT_TRUE(runner) << runner.error().ToString();
    waitpid(static_cast<pid_t>(runner->reference.pid), nullptr, 0);
    const auto record = ReadExit(spec.paths);
    ASSERT_TRUE(record && *record);
    std::string log;
    for (const auto& frame : ParseFrames(ReadFile(spec.paths.Log(), 1 << 20).value()).frames) {
      log += frame.bytes;
    }
    const auto& expect = vector.at("expect");
    EXPECT_EQ((*record)->exit_code.value_or(-1),
              expect.is_string() ? 0 : expect.at("exit_code").to_number<int>())
        << log;
    if (expect.is_string()) {
      EXPECT_EQ(log, std::string(vector.at("output").as_string()));
    }
  }
}

}  // namespace
}  // namespace prov::exec
