#include "contract/lint.hpp"

#include <sys/stat.h>

#include <boost/json.hpp>

#include "base/files.hpp"
#include "base/json.hpp"
#include "cli/commands.hpp"
#include "cli/show.hpp"
#include "cli/terminal.hpp"

namespace prov::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMaxScriptBytes = std::size_t{1} << 20;

contract::LintFinding Unreadable(std::string file, std::string why) {
  return {std::move(file), 1, 1, contract::LintSeverity::kError, "unreadable", std::move(why)};
}

// What is found in one installer's directory; files are named as they were reached.
std::vector<contract::LintFinding> LintDirectory(const Path& given) {
  const auto directory = std::filesystem::absolute(given).lexically_normal();
  contract::LintSubject subject;
  subject.directory.name =
      (directory.has_filename() ? directory : directory.parent_path()).filename();
  subject.manifest_file = (given / "manifest.yml").string();
  std::error_code fault;
  for (std::filesystem::directory_iterator file(directory, fault), end; !fault && file != end;
       file.increment(fault)) {
    if (!file->is_regular_file()) continue;
    const auto name = file->path().filename().string();
    subject.directory.files.insert(name);
    if (!name.ends_with(".sh")) continue;
    auto text = ReadFile(file->path(), kMaxScriptBytes);
    if (!text) return {Unreadable((given / name).string(), text.error().message)};
    struct stat status{};
    const bool executable =
        stat(file->path().c_str(), &status) == 0 && (status.st_mode & S_IXUSR) != 0;
    subject.scripts.push_back({name, std::move(*text), executable});
  }
  std::ranges::sort(subject.scripts, {}, &contract::LintScript::name);
  auto manifest = ReadFile(subject.manifest_file, contract::kMaxManifestBytes);
  if (!manifest) return {Unreadable(subject.manifest_file, manifest.error().message)};
  subject.manifest = std::move(*manifest);
  auto findings = contract::Lint(subject);
  for (auto& finding : findings) {
    if (finding.file != subject.manifest_file) finding.file = (given / finding.file).string();
  }
  return findings;
}

// SARIF 2.1.0, as code hosts read it.
bj::value Sarif(const std::vector<contract::LintFinding>& findings) {
  bj::array results;
  for (const auto& each : findings) {
    const bool error = each.severity == contract::LintSeverity::kError;
    results.push_back(bj::object{
        {"ruleId", each.code},
        {"level", error ? "error" : "warning"},
        {"message", {{"text", each.message}}},
        {"locations",
         bj::array{bj::object{
             {"physicalLocation",
              {{"artifactLocation", {{"uri", each.file}}},
               {"region", {{"startLine", each.line}, {"startColumn", each.column}}}}}}}}});
  }
  const bj::object driver{{"name", "provisionctl lint"}, {"version", PROV_VERSION}};
  return bj::object{
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
      {"version", "2.1.0"},
      {"runs", bj::array{bj::object{{"tool", {{"driver", driver}}}, {"results", results}}}}};
}

}  // namespace

ExitStatus Lint(const std::vector<std::string>& directories, LintFormat format, bool strict) {
  std::vector<contract::LintFinding> findings;
  for (const auto& each : directories)
    std::ranges::move(LintDirectory(each), std::back_inserter(findings));
  if (format == LintFormat::kSarif) {
    Print(PrettyJson(Sarif(findings)));
  } else if (format == LintFormat::kJson) {
    bj::array items;
    for (const auto& each : findings) items.push_back(json::ToValue(each));
    Print(PrettyJson(bj::object{{"items", std::move(items)}}));
  } else {
    for (const auto& each : findings) Print(Harmless(each.ToString()) + "\n");
  }
  const bool bad = std::ranges::any_of(findings, [&](const contract::LintFinding& each) {
    return strict || each.severity == contract::LintSeverity::kError;
  });
  return bad ? ExitStatus::kUsage : ExitStatus::kOk;
}

}  // namespace prov::cli
