#include "agent/enroll/secret_key.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace prov::agent {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::string_view kSetting = "secret_key";

bool IsSetting(std::string_view line) {
  if (!line.starts_with(kSetting)) return false;
  line.remove_prefix(kSetting.size());
  const auto colon = line.find_first_not_of(" \t");
  return colon != std::string_view::npos && line[colon] == ':';
}

// The text without the setting's line; nothing where it has none, or its value goes on in others.
struct Edited {
  std::string text;
  bool found = false;
  bool several_lines = false;
};

Edited WithoutSetting(std::string_view text) {
  Edited edited;
  bool after = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    const auto line = text.substr(0, end);
    text.remove_prefix(end);
    edited.several_lines |= after && (line.starts_with(' ') || line.starts_with('\t'));
    after = IsSetting(line);
    edited.found |= after;
    if (!after) edited.text += line;
  }
  return edited;
}

// With the mode and the owner it had.
Status Replace(const Path& file, const std::string& text) {
  struct stat status{};
  if (stat(file.c_str(), &status) != 0) return ErrnoError("cannot look at " + file.string());
  PROV_CHECK(WriteFileAtomically(file, text, status.st_mode & 07777));
  if (chown(file.c_str(), status.st_uid, status.st_gid) != 0)
    return ErrnoError("cannot give " + file.string() + " back to its owner");
  return {};
}

}  // namespace

std::vector<std::string> ForgetSecretKey(const Path& file,
                                         const std::map<std::string, std::string>& environment) {
  std::vector<std::string> said;
  const auto stands = [&](const std::string& where) {
    said.push_back("SECRET_KEY still stands in " + where +
                   "; this server needs it no more: take it out, since whoever has it can speak "
                   "for every server");
  };
  const auto text =
      file.empty() ? Result<std::string>(std::string()) : ReadFile(file, kMaxFileBytes);
  const auto edited = text ? WithoutSetting(*text) : Edited{};
  if (edited.found) {
    const auto replaced =
        edited.several_lines ? Status(Error{ErrorCode::kUnsupported, "its value has several lines"})
                             : Replace(file, edited.text);
    if (replaced)
      said.push_back("secret_key was taken out of " + file.string());
    else
      stands(file.string() + " (" + replaced.error().message + ")");
  }
  if (environment.contains("SECRET_KEY")) stands("the environment variable SECRET_KEY");
  if (const auto named = environment.find("SECRET_KEY_FILE"); named != environment.end())
    stands("the file " + named->second + ", which SECRET_KEY_FILE names");
  if (!said.empty()) {
    said.emplace_back(
        "once the last server was converted, replace SECRET_KEY at the panel and enrol all again");
  }
  return said;
}

}  // namespace prov::agent
