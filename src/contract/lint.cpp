#include "contract/lint.hpp"

#include <tuple>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/json.hpp"
#include "base/yaml.hpp"
#include "contract/script_lint.hpp"

namespace prov::contract {
namespace {

using Names = std::set<std::string, std::less<>>;

class Linter {
 public:
  explicit Linter(const LintSubject& subject) : subject_(subject) {}

  std::vector<LintFinding> Run() {
    const auto loaded =
        ParseManifest(subject_.manifest_file, subject_.manifest, &subject_.directory);
    for (const auto& fault : loaded.faults) {
      const std::string path = fault.path.empty() ? "" : fault.path + ": ";
      findings_.push_back({fault.file, fault.line, fault.column, LintSeverity::kError, "manifest",
                           path + fault.message});
    }
    if (!loaded.manifest) return std::move(findings_);
    LintManifest(*loaded.manifest);
    SortFrom(0);
    LintScripts(*loaded.manifest);
    return std::move(findings_);
  }

 private:
  void SortFrom(std::size_t first) {
    std::sort(findings_.begin() + static_cast<std::ptrdiff_t>(first), findings_.end(),
              [](const LintFinding& a, const LintFinding& b) {
                return std::tie(a.line, a.column, a.code, a.message) <
                       std::tie(b.line, b.column, b.code, b.message);
              });
  }

  void Warn(const yaml::Node* node, std::string code, std::string message) {
    const yaml::Place place = node != nullptr ? node->place : yaml::Place{};
    findings_.push_back({subject_.manifest_file, place.line, place.column, LintSeverity::kWarning,
                         std::move(code), std::move(message)});
  }

  void LintManifest(const Manifest& manifest) {
    const yaml::Document document = yaml::Parse(subject_.manifest);
    const auto* os = document.root.Find("os_requirements");
    if (manifest.bare_min_version && os != nullptr) {
      Warn(os->Find("min_version"), "bare-min-version",
           fmt::format("os_requirements.min_version: binds {0} alone, the first family; say it for "
                       "each: {{{0}: \"{1}\", …}}",
                       manifest.os_requirements.families.front(),
                       manifest.os_requirements.min_version.begin()->second));
    }
    Names mentioned;
    for (const auto& script : subject_.scripts) {
      mentioned.merge(MentionedNames(ShellText(script.text)));
    }
    const auto* inputs = document.root.Find("inputs");
    for (std::size_t i = 0; i < manifest.inputs.size() && !subject_.scripts.empty(); ++i) {
      const Input& input = manifest.inputs[i];
      const bool file = input.sensitive && manifest.secret_delivery == SecretDelivery::kFile;
      const std::string variable = UpperCase(input.name) + (file ? "_FILE" : "");
      if (mentioned.contains(variable)) continue;
      Warn(inputs->items[i].Find("name"), "unused-input",
           fmt::format("inputs[{}]: no script uses {}", i, variable));
    }
  }

  void LintScripts(const Manifest& manifest) {
    Names actions{"backup.sh", "restore.sh"};
    for (const Action action : manifest.actions) actions.insert(manifest.ScriptOf(action));
    Names names, functions;
    for (const auto& script : subject_.scripts) {
      if (actions.contains(script.name)) continue;
      const ShellText shell(script.text);
      names.merge(AssignedNames(shell));
      functions.insert(shell.functions().begin(), shell.functions().end());
    }
    for (const auto& script : subject_.scripts) {
      if (!actions.contains(script.name)) continue;
      const std::size_t first = findings_.size();
      const ShellText shell(script.text);
      LintScriptText({script, shell, manifest, names, functions}, findings_);
      SortFrom(first);
    }
  }

  const LintSubject& subject_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::string LintFinding::ToString() const {
  return fmt::format("{}:{}:{}: {} {} {}", file, line, column, json::EnumName(severity), code,
                     message);
}

std::vector<LintFinding> Lint(const LintSubject& subject) { return Linter(subject).Run(); }

}  // namespace prov::contract
