#include <cstdio>

#include "base/files.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "contract/manifest_loader.hpp"

namespace prov::cli {

ExitStatus Lint(const std::vector<std::string>& directories) {
  bool bad = false;
  for (const auto& each : directories) {
    const auto directory = std::filesystem::absolute(each).lexically_normal();
    contract::DirectoryFacts facts;
    facts.name = (directory.has_filename() ? directory : directory.parent_path()).filename();
    std::error_code fault;
    for (std::filesystem::directory_iterator file(directory, fault), end; !fault && file != end;
         file.increment(fault)) {
      if (file->is_regular_file()) facts.files.insert(file->path().filename());
    }
    const auto path = (Path(each) / "manifest.yml").string();
    const auto text = ReadFile(path, contract::kMaxManifestBytes);
    if (!text) {
      std::printf("%s:1:1: error manifest %s\n", path.c_str(), text.error().message.c_str());
      bad = true;
      continue;
    }
    const auto loaded = contract::ParseManifest(path, *text, &facts);
    for (const auto& found : loaded.faults) {
      std::printf("%s:%d:%d: error manifest %s%s\n", found.file.c_str(), found.line, found.column,
                  found.path.empty() ? "" : (found.path + ": ").c_str(),
                  Harmless(found.message).c_str());
      bad = true;
    }
    if (loaded.manifest && loaded.manifest->bare_min_version) {
      std::printf(
          "%s:1:1: warning bare-min-version min_version is one text for several families "
          "and binds the first only\n",
          path.c_str());
    }
  }
  return bad ? ExitStatus::kUsage : ExitStatus::kOk;
}

}  // namespace prov::cli
