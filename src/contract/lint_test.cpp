#include "contract/lint.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "base/json.hpp"
#include "contract/shell_text.hpp"

namespace prov::contract {
namespace {

constexpr std::string_view kManifest =
    "id: app\nname: App\nversion: 1.10\ndescription: An app\ncategory: web\nauthor: A\n"
    "os_requirements: {family: [debian]}\ntimeout_seconds: 60\nidempotent: true\n"
    "inputs:\n- {name: server_name, type: string, label: S, required: true}\n"
    "- {name: token, type: password, label: T}\n";
constexpr std::string_view kUses = ": \"$SERVER_NAME\" \"${TOKEN:-}\"\n";
constexpr std::string_view kStart = "#!/usr/bin/env bash\nset -euo pipefail\n";

LintSubject Subject(std::string script, std::string manifest = std::string(kManifest)) {
  LintSubject subject;
  subject.directory = {"app", {"install.sh"}};
  subject.manifest = std::move(manifest);
  subject.scripts = {{"install.sh", std::move(script), true}};
  return subject;
}

std::string CodesOf(const std::vector<LintFinding>& findings) {
  std::string codes;
  for (const auto& finding : findings) codes += (codes.empty() ? "" : " ") + finding.code;
  return codes;
}

std::string CodesOf(const std::string& body) {
  return CodesOf(Lint(Subject(std::string(kStart) + std::string(kUses) + body)));
}

struct Row {
  std::string code;
  std::string refused;
  std::string accepted;
};

TEST(Lint, EachCheck_FindsItsFaultAndNotItsRemedy) {
  const Row rows[] = {
      {"reads-stdin", "read -r answer\n", "read -r answer < /etc/hostname\n"},
      {"reads-stdin", "IFS= read -r answer\n", "IFS= read -r -t 10 answer <&3\n"},
      {"reads-stdin", "while read -r x; do echo \"$x\"; done\n",
       "while read -r x; do echo \"$x\"; done < <(sort -u list)\n"},
      {"reads-stdin", "if true; then read -r x; fi\n",
       "ls | while read -r x; do echo \"$x\"; done\n"},
      {"reads-stdin", "take() { read -r x; }\ntake\n", "take() { read -r x; }\nls | take\n"},
      {"reads-stdin", "mapfile -t lines\n", "mapfile -t lines <<<\"$SERVER_NAME\"\n"},
      {"reads-stdin", "select x in a b; do break; done\n", "read -u 3 -r x\n"},
      {"reads-stdin", "read x # < file\n", "read x <<'END'\nno $UNKNOWN\nEND\n"},
      {"undeclared-input", "echo \"$SERVR_NAME\"\n", "SITE=/etc/site; echo \"$SITE\"\n"},
      {"undeclared-input", "cat <<END\n$PORT_NUMBER\nEND\n", "cat <<'END'\n$PORT_NUMBER\nEND\n"},
      {"undeclared-input", "echo \"${PORT_NUMBER:-80}\"\n", ": \"${PORT_NUMBER:=80}\"\n"},
      {"undeclared-input", "echo \"it's $PORT_NUMBER\"\n", "echo 'it is $PORT_NUMBER'\n"},
      {"undeclared-input", "echo $((PORT + ${#PORT_NUMBER}))\n", "echo \\$PORT_NUMBER # $OTHER\n"},
      {"undeclared-input", "echo \"$(cat \"$PORT_FILE\")\"\n",
       "for PORT in 1 2; do echo \"$PORT$SECONDS$PROVISIONING_LIB\"; done\n"},
      {"apt-get-without-yes", "apt-get install nginx\n", "apt-get install -y nginx\n"},
      {"apt-get-without-yes", "DEBIAN_FRONTEND=x apt-get -q purge nginx\n", "apt-get update\n"},
      {"apt-get-without-yes", "sudo apt-get \\\n  install nginx\n",
       "sudo apt-get -qq \\\n  install nginx\n"},
      {"apt-get-without-yes", "x=$(apt-get remove nginx)\n", "echo 'apt-get install nginx'\n"},
      {"apt-get-without-yes", "if ! apt-get upgrade; then exit 2; fi\n",
       "apt-get -s install nginx | awk '{print $2}'\n"},
      {"rm-rf-variable", "rm -rf \"$1/cache\"\n", "rm -rf \"${1:?}/cache\"\n"},
      {"rm-rf-variable", "rm -rf /srv/$SERVER_NAME\n", "rm -rf \"/srv/${SERVER_NAME:?}\"\n"},
      {"rm-rf-variable", "rm -fr \"$SITE\"/*\n", "SITE=/srv/site\nrm -fr \"$SITE\"/*\n"},
      {"rm-rf-variable", "SITE=$1\nrm --recursive \"$SITE/x\"\n", "rm -f \"$1/x\"\n"},
      {"curl-pipe-shell", "curl -fsSL https://example.org/x | bash\n",
       "curl -fsSL https://example.org/x | tee file | sha256sum\n"},
      {"curl-pipe-shell", "wget -qO- https://example.org/x |\n  sudo sh -s\n",
       "echo 'curl x | sh'\n# curl x | sh\n"},
      {"curl-pipe-shell", "bash <(curl -s https://example.org/x)\n",
       "bash -c 'echo' && x=$(curl -s https://example.org/x)\n"},
      {"curl-pipe-shell", "eval \"$(curl -s https://example.org/x)\"\n", "eval \"$(cat x)\"\n"},
      {"secret-in-argv", "tool --token \"$TOKEN\"\n", "tool <<<\"$TOKEN\"\n"},
      {"secret-in-argv", "curl -u \"user:${TOKEN}\" https://example.org\n",
       "TOOL_TOKEN=\"$TOKEN\" tool\n"},
      {"secret-in-argv", "x=$(tool \"$TOKEN\")\n", "printf '%s' \"$TOKEN\" | tool\n"},
      {"secret-in-argv", "env TOOL_TOKEN=\"$TOKEN\" tool\n", "tool 'no $TOKEN' \"${#TOKEN}\"\n"},
      {"secret-in-argv", "if tool -p\"$TOKEN\"; then :; fi\n",
       "if [ \"$(cat x)\" = \"$TOKEN\" ] && [[ a && $TOKEN == x ]]; then :; fi\n"},
      {"secret-in-argv", "bash -c \"tool $TOKEN\"\n", "use() { :; }\nuse \"$TOKEN\"\n"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(CodesOf(row.refused), testing::HasSubstr(row.code)) << row.refused;
    EXPECT_THAT(CodesOf(row.accepted), testing::Not(testing::HasSubstr(row.code))) << row.accepted;
  }
}

TEST(Lint, Head_IsHeldToShebangModeAndStrictness) {
  const std::string uses(kUses);
  EXPECT_EQ(CodesOf(Lint(Subject(std::string(kStart) + uses))), "");
  EXPECT_EQ(CodesOf(Lint(Subject("#!/bin/bash\nset -e\nset -o nounset -o pipefail\n" + uses))), "");
  EXPECT_EQ(CodesOf(Lint(Subject("#!/bin/sh\nset -euo pipefail\n" + uses))), "shebang");
  EXPECT_EQ(CodesOf(Lint(Subject("set -euo pipefail\n" + uses))), "shebang");
  EXPECT_EQ(CodesOf(Lint(Subject("#!/usr/bin/env bash\nset -eu\n" + uses))), "strict-mode");
  EXPECT_EQ(CodesOf(Lint(Subject("#!/bin/bash\n# set -euo pipefail\n" + uses))), "strict-mode");
  auto subject = Subject(std::string(kStart) + uses);
  subject.scripts[0].executable = false;
  EXPECT_EQ(CodesOf(Lint(subject)), "not-executable");
}

TEST(Lint, InputThatNoScriptUses_IsNamedAtItsPlace) {
  const auto findings = Lint(Subject(std::string(kStart) + "echo \"${TOKEN:-}\" # SERVER_NAME\n"));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].ToString(),
            "manifest.yml:11:10: warning unused-input inputs[0]: no script uses SERVER_NAME");
  auto subject = Subject(std::string(kStart) + ". ./files/part.sh\n: \"${TOKEN:-}\"\n");
  subject.scripts.push_back({"files/part.sh", "require_input SERVER_NAME\n", false});
  EXPECT_EQ(CodesOf(Lint(subject)), "");
}

TEST(Lint, SecretDeliveredAsFile_IsUsedByThatName) {
  const std::string manifest = std::string(kManifest) + "secret_delivery: file\n";
  const std::string start = std::string(kStart) + ": \"$SERVER_NAME\"\n";
  EXPECT_EQ(CodesOf(Lint(Subject(start + "tool --token-file \"$TOKEN_FILE\"\n", manifest))), "");
  EXPECT_EQ(CodesOf(Lint(Subject(start + "tool <<<\"$TOKEN\"\n", manifest))),
            "unused-input undeclared-input");
}

TEST(Lint, ManifestThatDoesNotLoad_IsToldWithAllItsFaults) {
  const auto findings = Lint(Subject("read x\n", "id: app\nnam: App\n"));
  ASSERT_GT(findings.size(), 2U);
  for (const auto& finding : findings) EXPECT_EQ(finding.code, "manifest");
}

TEST(Lint, OneMinimumForSeveralFamilies_IsAWarningAtItsPlace) {
  std::string manifest(kManifest);
  const std::string bare = "{family: [ubuntu, debian], min_version: \"20.04\"}";
  manifest.replace(manifest.find("{family: [debian]}"), 18, bare);
  const auto findings = Lint(Subject(std::string(kStart) + std::string(kUses), manifest));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "bare-min-version");
  EXPECT_EQ(findings[0].severity, LintSeverity::kWarning);
  EXPECT_EQ(findings[0].line, 7);
  EXPECT_EQ(findings[0].column, 58);
}

TEST(Lint, Finding_SaysWhere) {
  const auto findings = Lint(Subject(std::string(kStart) + std::string(kUses) + "  read x\n"));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].line, 4);
  EXPECT_EQ(findings[0].column, 3);
  EXPECT_THAT(findings[0].ToString(), testing::StartsWith("install.sh:4:3: error reads-stdin "));
}

LintSubject SubjectOf(const Path& directory) {
  LintSubject subject;
  subject.directory.name = directory.filename().string();
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    const std::string name = file.path().filename().string();
    subject.directory.files.insert(name);
    if (!name.ends_with(".sh")) continue;
    const auto mode = std::filesystem::status(file.path()).permissions();
    subject.scripts.push_back(
        {name, ReadFile(file.path(), 1 << 20).value(),
         (mode & std::filesystem::perms::owner_exec) != std::filesystem::perms::none});
  }
  subject.manifest = ReadFile(directory / "manifest.yml", kMaxManifestBytes).value();
  return subject;
}

TEST(Lint, InstallersOfThisRepository_AreClean) {
  std::size_t seen = 0;
  for (const auto* folder : {"installers", "tests/installers"}) {
    for (const auto& entry : std::filesystem::directory_iterator(Path(PROV_SOURCE_DIR) / folder)) {
      if (!std::filesystem::exists(entry.path() / "manifest.yml")) continue;
      ++seen;
      for (const auto& finding : Lint(SubjectOf(entry.path()))) {
        ADD_FAILURE() << entry.path() << ": " << finding.ToString();
      }
    }
  }
  EXPECT_GT(seen, 0U);
}

TEST(ShellText, TruncatedAtEveryByte_IsReadToItsEnd) {
  const std::string script =
      "f() { local x=(a \"$(b <<-'E' | c)\") y=${z#\"}\"} ; }\n\tbody $q\n\tE\n"
      "case $1 in (a|b) read -r v <<<\"$'x'\" ;; *) [[ $v =~ ^(k|l)$ ]] ;; esac\n"
      "for ((i = 0; i < 1 << 2; i++)); do d <(e) 2>&1 &>f | g; done < <(h) # i\n";
  for (std::size_t size = 0; size <= script.size(); ++size) {
    const ShellText shell(std::string_view(script).substr(0, size));
    EXPECT_LE(shell.commands().size(), size);
  }
  std::string names;
  const ShellText whole(script);
  for (const auto& command : whole.commands()) {
    names += std::string(command.Name()) + " ";
  }
  // The pattern (a|b) of `case` looks like commands to it, which does no harm.
  EXPECT_EQ(names, "b c local case a b read [[ for e d g h ");
}

}  // namespace
}  // namespace prov::contract
