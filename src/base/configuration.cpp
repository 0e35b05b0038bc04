#include "base/configuration.hpp"

#include <charconv>
#include <stdexcept>
#include <sys/stat.h>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/yaml.hpp"

extern char** environ;

namespace prov {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024;
constexpr std::size_t kMaxSecretFileBytes = 64 * 1024;

std::string UpperCase(std::string_view name) {
  std::string upper(name);
  for (auto& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

std::string FlagName(std::string_view name) {
  std::string flag = "--";
  for (const char c : name) flag += c == '_' ? '-' : c;
  return flag;
}

const Setting* FindSetting(std::span<const Setting> settings, std::string_view name) {
  for (const auto& setting : settings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string Known(std::span<const Setting> settings) {
  std::string names;
  for (const auto& setting : settings) names += (names.empty() ? "" : ", ") + setting.name;
  return names;
}

// The last newline of a file that holds one value is the editor's, not the value's.
void DropLastNewline(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

// Collects every fault of every layer, so that one start names them all.
class Layers {
 public:
  using Values = std::map<std::string, Configuration::Value, std::less<>>;

  explicit Layers(std::span<const Setting> settings) : settings_(settings) {
    for (const auto& setting : settings) {
      if (setting.default_value) values_[setting.name] = {*setting.default_value, "default"};
    }
  }

  void File(const Path& path) {
    if (path.empty()) return;
    const auto text = ReadFile(path, kMaxFileBytes);
    if (!text) return Refuse(text.error().ToString());
    const auto document = yaml::Parse(*text);
    for (const auto& fault : document.faults) Refuse(At(path, fault.place) + fault.message);
    if (!document.faults.empty() || document.root.kind == yaml::Kind::kNull) return;
    if (document.root.kind != yaml::Kind::kMapping)
      return Refuse(At(path, document.root.place) + "must be a mapping of names to values");
    bool secret = false;
    for (const auto& member : document.root.members) {
      const auto* setting = FindSetting(settings_, member.key);
      if (setting == nullptr) {
        Refuse(At(path, member.place) +
               fmt::format("unknown setting `{}`; there are: {}", member.key, Known(settings_)));
      } else {
        secret = secret || setting->secret;
        Member(path, *setting, member.value);
      }
    }
    if (secret) CheckPrivate(path);
  }

  void Environment(const std::map<std::string, std::string>& environment) {
    for (const auto& setting : settings_) {
      const auto name = UpperCase(setting.name);
      const auto direct = environment.find(name);
      const auto by_file = environment.find(name + "_FILE");
      if (direct != environment.end() && by_file != environment.end()) {
        Refuse(fmt::format("{0} and {0}_FILE are both set; unset one of them", name));
      } else if (direct != environment.end()) {
        values_[setting.name] = {direct->second, "the environment variable " + name};
      } else if (by_file != environment.end()) {
        auto text = ReadFile(by_file->second, kMaxSecretFileBytes);
        if (!text) {
          Refuse(fmt::format("{}_FILE: {}", name, text.error().ToString()));
          continue;
        }
        DropLastNewline(*text);
        values_[setting.name] = {std::move(*text),
                                 fmt::format("{} ({}_FILE)", by_file->second, name)};
      }
    }
  }

  void Flags(const std::map<std::string, std::string>& flags) {
    for (const auto& [name, text] : flags) {
      const auto* setting = FindSetting(settings_, name);
      if (setting == nullptr) {
        Refuse(fmt::format("unknown flag {}; --help lists them", FlagName(name)));
      } else if (setting->secret) {
        Refuse(
            fmt::format("{} is a secret and is not taken from the command line, where every "
                        "user can read it; use {}_FILE",
                        FlagName(name), UpperCase(name)));
      } else {
        values_[name] = {text, FlagName(name)};
      }
    }
  }

  Result<Values> Finish() {
    if (faults_.empty()) return std::move(values_);
    return Error{ErrorCode::kInvalidArgument, faults_, {}};
  }

 private:
  static std::string At(const Path& path, yaml::Place place) {
    return fmt::format("{}:{}:{}: ", path.string(), place.line, place.column);
  }

  void Member(const Path& path, const Setting& setting, const yaml::Node& node) {
    const auto at = At(path, node.place);
    const auto source = at.substr(0, at.size() - 2);
    const bool is_scalar = node.kind != yaml::Kind::kSequence && node.kind != yaml::Kind::kMapping;
    if (is_scalar && node.kind != yaml::Kind::kNull) {
      values_[setting.name] = {node.text, source};
      return;
    }
    if (!setting.list || node.kind != yaml::Kind::kSequence) {
      return Refuse(at + fmt::format("{}: must be a {}", setting.name,
                                     setting.list ? "list of texts" : "single value"));
    }
    std::string joined;
    for (const auto& item : node.items) {
      if (item.kind == yaml::Kind::kSequence || item.kind == yaml::Kind::kMapping ||
          item.text.find(',') != std::string::npos) {
        return Refuse(At(path, item.place) +
                      fmt::format("{}: each item must be a text without a comma", setting.name));
      }
      joined += (joined.empty() ? "" : ",") + item.text;
    }
    values_[setting.name] = {joined, source};
  }

  // Its owner's alone; or root's, who lets one group read it (a service that is not root).
  void CheckPrivate(const Path& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return;
    const mode_t allowed = status.st_uid == 0 ? S_IRGRP : 0;
    if ((status.st_mode & 0077 & ~allowed) != 0) {
      Refuse(fmt::format("{} holds a secret and can be read by others; chmod 600 {}", path.string(),
                         path.string()));
    }
  }

  void Refuse(std::string sentence) { faults_ += (faults_.empty() ? "" : "\n") + sentence; }

  std::span<const Setting> settings_;
  Values values_;
  std::string faults_;
};

}  // namespace

Result<Configuration> Configuration::Load(std::span<const Setting> settings, const Path& file,
                                          const std::map<std::string, std::string>& environment,
                                          const std::map<std::string, std::string>& flags) {
  Layers layers(settings);
  layers.File(file);
  layers.Environment(environment);
  layers.Flags(flags);
  Configuration loaded;
  PROV_TRY(loaded.values_, layers.Finish());
  loaded.settings_.assign(settings.begin(), settings.end());
  return loaded;
}

std::optional<std::string> Configuration::Find(std::string_view name) const {
  if (FindSetting(settings_, name) == nullptr)
    throw std::logic_error(fmt::format("there is no setting {}", name));
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second.text;
}

std::string Configuration::Text(std::string_view name) const { return Find(name).value_or(""); }

Result<std::uint64_t> Configuration::Number(std::string_view name, std::uint64_t least,
                                            std::uint64_t most) const {
  const auto text = Text(name);
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc{} || end != text.data() + text.size() || number < least || number > most)
    return Fault(name, fmt::format("must be a whole number from {} to {}", least, most));
  return number;
}

Result<bool> Configuration::Boolean(std::string_view name) const {
  const auto text = Text(name);
  if (text == "true") return true;
  if (text == "false") return false;
  return Fault(name, "must be true or false");
}

std::vector<std::string> Configuration::List(std::string_view name) const {
  std::vector<std::string> items;
  const auto text = Text(name);
  for (std::size_t at = 0; at < text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    const auto item = std::string_view(text).substr(at, comma - at);
    const auto first = item.find_first_not_of(' ');
    if (first != std::string_view::npos)
      items.emplace_back(item.substr(first, item.find_last_not_of(' ') - first + 1));
    at = comma + 1;
  }
  return items;
}

Error Configuration::Fault(std::string_view name, std::string_view what) const {
  const auto found = values_.find(name);
  const auto source = found == values_.end() ? std::string("not set") : found->second.source;
  return {ErrorCode::kInvalidArgument, fmt::format("{}: {}: {}", source, name, what), {}};
}

std::string Configuration::Describe() const {
  std::string text;
  for (const auto& setting : settings_) {
    const auto found = values_.find(setting.name);
    if (found == values_.end()) {
      text += fmt::format("# {}: not set\n", setting.name);
      continue;
    }
    // A JSON string is a YAML string too, whatever is in it.
    const auto shown = setting.secret ? std::string("\"(hidden)\"")
                                      : json::Serialize(boost::json::string(found->second.text));
    text += fmt::format("{}: {}  # {}\n", setting.name, shown, found->second.source);
  }
  return text;
}

std::map<std::string, std::string> ProcessEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view entry(*each);
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos)
      variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return variables;
}

}  // namespace prov
