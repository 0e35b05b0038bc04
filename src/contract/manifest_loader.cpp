#include "contract/manifest_loader.hpp"

#include <tuple>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "contract/inputs_loader.hpp"
#include "contract/node_reader.hpp"
#include "contract/reserved_names.hpp"

namespace prov::contract {
namespace {

bool IsLowerSlug(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool IsOneOf(std::string_view text, std::string_view characters, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         text.find_first_not_of(characters) == std::string_view::npos;
}

constexpr std::string_view kWordCharacters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";

bool IsVersion(std::string_view text) {
  static const std::string characters = std::string(kWordCharacters) + "+~";
  return IsOneOf(text, characters, 64) && text.front() != '.' && text.front() != '-' &&
         text.front() != '_' && text.front() != '+' && text.front() != '~';
}

bool IsBareFileName(std::string_view text) {
  return IsOneOf(text, kWordCharacters, 100) && text.front() != '.' && text.front() != '-';
}

bool IsOsId(std::string_view text) {
  return IsOneOf(text, "0123456789abcdefghijklmnopqrstuvwxyz._-", 63);
}

bool IsArchitecture(std::string_view text) { return text == "amd64" || text == "arm64"; }

bool IsUnit(std::string_view text) {
  static const std::string characters = std::string(kWordCharacters) + "@:\\";
  return IsOneOf(text, characters, 255) && text.front() != '-' && text.front() != '.';
}

const Keys& TopKeys() {
  static const Keys keys{"id",
                         "name",
                         "version",
                         "description",
                         "category",
                         "author",
                         "os_requirements",
                         "resource_requirements",
                         "inputs",
                         "install_script",
                         "timeout_seconds",
                         "idempotent",
                         "tags",
                         "homepage",
                         "license",
                         "icon",
                         "depends_on",
                         "conflicts",
                         "provides_ports",
                         "services",
                         "outputs",
                         "resource_limits",
                         "retry",
                         "secret_delivery",
                         "supports_dry_run",
                         "reboot",
                         "monitoring",
                         "backup",
                         "known_failures"};
  return keys;
}

constexpr std::int64_t kManyMb = 1LL << 30;

class ManifestReader {
 public:
  ManifestReader(const yaml::Node& root, const DirectoryFacts* facts)
      : root_(root), facts_(facts) {}

  NodeReader reader;
  Manifest manifest;

  void Read() {
    static const Keys required{"id",        "name",   "version",         "description",
                               "category",  "author", "os_requirements", "timeout_seconds",
                               "idempotent"};
    if (!reader.Mapping(root_, "", TopKeys(), required)) return;
    ReadIdentity();
    ReadScripts();
    ReadOs();
    ReadResources();
    if (const auto* inputs = root_.Find("inputs")) ReadInputs(reader, *inputs, manifest);
    ReadRelations();
    ReadPorts();
    ReadOutputs();
    ReadRunning();
    ReadMonitoringAndBackup();
    ReadKnownFailures();
    CheckSecretFiles();
  }

 private:
  void Refuse(std::string_view key, std::string message) {
    const auto* node = root_.Find(key);
    reader.Refuse(node != nullptr ? node->place : root_.place, std::string(key),
                  std::move(message));
  }

  std::string Fitting(std::string_view key, bool (*fits)(std::string_view),
                      std::string_view wanted) {
    const auto text = reader.Text(root_, key, "", 4000);
    if (text && !fits(*text)) Refuse(key, std::string(wanted));
    return text.value_or("");
  }

  void ReadIdentity() {
    constexpr std::string_view kSlug =
        "must be 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen";
    manifest.id = Fitting("id", IsLowerSlug, kSlug);
    manifest.name = reader.Text(root_, "name", "").value_or("");
    manifest.version =
        Fitting("version", IsVersion,
                "must be 1 to 64 letters, digits and .+~_-, beginning with a letter or "
                "digit");
    manifest.description = reader.Text(root_, "description", "", 4000).value_or("");
    manifest.category = Fitting("category", IsLowerSlug, kSlug);
    manifest.author = reader.Text(root_, "author", "").value_or("");
    manifest.homepage = Fitting("homepage", IsUrl, "must be a URL such as https://example.org/app");
    manifest.license = reader.Text(root_, "license", "").value_or("");
    manifest.tags = reader.Texts(root_, "tags", "", IsLowerSlug, kSlug);
    if (facts_ != nullptr && !manifest.id.empty() && manifest.id != facts_->name) {
      Refuse("id", fmt::format("must equal the directory's name `{}`", facts_->name));
    }
  }

  void CheckFile(std::string_view key, const std::string& file) {
    if (facts_ == nullptr || file.empty() || facts_->files.contains(file)) return;
    Refuse(key, fmt::format("the directory holds no file `{}`", file));
  }

  void ReadScripts() {
    constexpr std::string_view kBare =
        "must be a bare file name inside the installer's directory, such as install.sh";
    if (root_.Find("install_script") != nullptr) {
      manifest.install_script = Fitting("install_script", IsBareFileName, kBare);
    }
    manifest.icon = Fitting("icon", IsBareFileName, kBare);
    CheckFile("install_script", manifest.install_script);
    CheckFile("icon", manifest.icon);
    manifest.timeout_seconds = static_cast<std::uint32_t>(
        reader.Integer(root_, "timeout_seconds", "", 1, 86'400).value_or(0));
    manifest.idempotent = reader.Boolean(root_, "idempotent", "").value_or(false);
    manifest.actions = {Action::kInstall};
    for (const Action action : {Action::kUninstall, Action::kUpgrade, Action::kCheck}) {
      if (facts_ != nullptr && facts_->files.contains(manifest.ScriptOf(action))) {
        manifest.actions.push_back(action);
      }
    }
  }

  void ReadOs() {
    const auto* node = root_.Find("os_requirements");
    const std::string path = "os_requirements";
    if (node == nullptr ||
        !reader.Mapping(*node, path, {"family", "min_version", "architectures"}, {"family"})) {
      return;
    }
    auto& os = manifest.os_requirements;
    os.families = reader.Texts(*node, "family", path, IsOsId,
                               "must be an ID of os-release, such as ubuntu or debian");
    const auto* family = node->Find("family");
    if (family != nullptr && family->kind == yaml::Kind::kSequence && family->items.empty()) {
      reader.Refuse(family->place, path + ".family", "must name at least one family");
    }
    os.architectures =
        reader.Texts(*node, "architectures", path, IsArchitecture, "must be amd64 or arm64");
    const auto* version = node->Find("min_version");
    if (version == nullptr) return;
    if (version->kind != yaml::Kind::kMapping) {
      const auto text = reader.Text(*node, "min_version", path);
      if (!text || os.families.empty()) return;
      manifest.bare_min_version = os.families.size() > 1;
      return AddMinVersion(*version, os.families.front(), path + ".min_version");
    }
    for (const auto& member : version->members) {
      const std::string at = path + ".min_version." + member.key;
      if (std::ranges::find(os.families, member.key) == os.families.end()) {
        reader.Refuse(member.place, at, fmt::format("`{}` is not in family", member.key));
      } else {
        AddMinVersion(member.value, member.key, at);
      }
    }
  }

  void AddMinVersion(const yaml::Node& node, const std::string& family, const std::string& path) {
    if (!IsNumericVersion(node.text)) {
      return reader.Refuse(node.place, path,
                           "must be a version of numbers and dots, such as \"22.04\"");
    }
    manifest.os_requirements.min_version[family] = node.text;
  }

  void ReadResources() {
    if (const auto* node = root_.Find("resource_requirements")) {
      const std::string path = "resource_requirements";
      if (reader.Mapping(*node, path, {"min_ram_mb", "min_disk_mb", "min_cpus"})) {
        auto& needs = manifest.resource_requirements;
        needs.min_ram_mb = reader.Integer(*node, "min_ram_mb", path, 0, kManyMb);
        needs.min_disk_mb = reader.Integer(*node, "min_disk_mb", path, 0, kManyMb);
        needs.min_cpus = reader.Integer(*node, "min_cpus", path, 0, 4096);
      }
    }
    if (const auto* node = root_.Find("resource_limits")) {
      const std::string path = "resource_limits";
      if (reader.Mapping(*node, path, {"memory_mb", "tasks", "cpu_percent"})) {
        auto& limits = manifest.resource_limits;
        limits.memory_mb = reader.Integer(*node, "memory_mb", path, 16, kManyMb);
        limits.tasks = reader.Integer(*node, "tasks", path, 4, 1'000'000);
        limits.cpu_percent = reader.Integer(*node, "cpu_percent", path, 1, 409'600);
      }
    }
  }

  void ReadRelations() {
    constexpr std::string_view kId = "must be an installer's id";
    manifest.conflicts = reader.Texts(root_, "conflicts", "", IsLowerSlug, kId);
    manifest.services =
        reader.Texts(root_, "services", "", IsUnit, "must be a systemd unit such as nginx.service");
    const auto* node = root_.Find("depends_on");
    if (node == nullptr || !reader.Sequence(*node, "depends_on")) return;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      ReadDependency(node->items[i], Index("depends_on", i));
    }
  }

  void ReadDependency(const yaml::Node& item, const std::string& path) {
    Dependency dependency;
    dependency.id = item.text;
    if (item.kind == yaml::Kind::kMapping) {
      reader.Mapping(item, path, {"id", "version"}, {"id"});
      dependency.id = reader.Text(item, "id", path).value_or("");
      if (const auto text = reader.Text(item, "version", path)) {
        auto range = VersionRange::Parse(*text);
        if (!range) {
          reader.Refuse(item.Find("version")->place, path + ".version", range.error().message);
        } else {
          dependency.version = std::move(*range);
        }
      }
    }
    if (!IsLowerSlug(dependency.id)) {
      return reader.Refuse(item.place, path, "must be an installer's id, or {id, version}");
    }
    if (dependency.id == manifest.id) {
      return reader.Refuse(item.place, path, "an installer cannot depend on itself");
    }
    manifest.depends_on.push_back(std::move(dependency));
  }

  std::optional<Port> ReadPort(const yaml::Node& node, const std::string& path) {
    if (node.kind == yaml::Kind::kMapping) {
      reader.Mapping(node, path, {"input"}, {"input"});
      const auto name = reader.Text(node, "input", path);
      if (!name) return std::nullopt;
      const auto* input = manifest.FindInput(*name);
      if (input != nullptr && input->type == InputType::kPort) return Port{*name};
      reader.Refuse(node.place, path, fmt::format("`{}` is not an input of type port", *name));
      return std::nullopt;
    }
    const auto value = ScalarValue(node);
    if (value && value->is_int64() && value->get_int64() >= 1 && value->get_int64() <= 65535) {
      return Port{value->get_int64()};
    }
    reader.Refuse(node.place, path, "must be a port from 1 to 65535, or {input: name}");
    return std::nullopt;
  }

  void ReadPorts() {
    const auto* node = root_.Find("provides_ports");
    if (node == nullptr || !reader.Sequence(*node, "provides_ports")) return;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      if (auto port = ReadPort(node->items[i], Index("provides_ports", i))) {
        manifest.provides_ports.push_back(std::move(*port));
      }
    }
  }

  void ReadOutputs() {
    const auto* node = root_.Find("outputs");
    if (node == nullptr || !reader.Sequence(*node, "outputs")) return;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      const std::string path = Index("outputs", i);
      const auto& item = node->items[i];
      if (!reader.Mapping(item, path, {"name", "label", "sensitive"}, {"name"})) continue;
      Output output;
      output.name = reader.Text(item, "name", path).value_or("");
      output.label = reader.Text(item, "label", path).value_or(output.name);
      output.sensitive = reader.Boolean(item, "sensitive", path).value_or(false);
      if (!output.name.empty() && !IsSnakeName(output.name)) {
        reader.Refuse(item.place, path + ".name", "must be snake_case");
      }
      for (const auto& other : manifest.outputs) {
        if (other.name == output.name && !output.name.empty()) {
          reader.Refuse(item.place, path + ".name",
                        fmt::format("`{}` is the name of an earlier output", output.name));
        }
      }
      manifest.outputs.push_back(std::move(output));
    }
  }

  void ReadRunning() {
    if (const auto* node = root_.Find("retry")) {
      if (reader.Mapping(*node, "retry", {"max_attempts", "backoff_seconds"})) {
        auto& retry = manifest.retry;
        retry.max_attempts = static_cast<std::uint32_t>(
            reader.Integer(*node, "max_attempts", "retry", 1, 10).value_or(3));
        retry.backoff_seconds = static_cast<std::uint32_t>(
            reader.Integer(*node, "backoff_seconds", "retry", 0, 3600).value_or(10));
      }
    }
    manifest.secret_delivery =
        reader.Enum<SecretDelivery>(root_, "secret_delivery", "").value_or(SecretDelivery::kEnv);
    manifest.reboot = reader.Enum<Reboot>(root_, "reboot", "").value_or(Reboot::kNever);
    manifest.supports_dry_run = reader.Boolean(root_, "supports_dry_run", "").value_or(false);
  }

  void ReadMonitoringAndBackup() {
    if (const auto* node = root_.Find("monitoring")) {
      if (reader.Mapping(*node, "monitoring", {"port", "path"}, {"port"})) {
        Monitoring monitoring;
        const auto* port_node = node->Find("port");
        if (port_node != nullptr) {
          if (auto port = ReadPort(*port_node, "monitoring.port")) monitoring.port = *port;
        }
        monitoring.path = reader.Text(*node, "path", "monitoring").value_or("/metrics");
        if (!monitoring.path.starts_with('/')) {
          reader.Refuse(node->Find("path")->place, "monitoring.path", "must begin with /");
        }
        manifest.monitoring = std::move(monitoring);
      }
    }
    if (const auto* node = root_.Find("backup")) {
      if (!reader.Mapping(*node, "backup", {"paths", "services"})) return;
      Backup backup;
      backup.paths =
          reader.Texts(*node, "paths", "backup", IsAbsolutePath, GrammarSentence(InputType::kPath));
      backup.services = reader.Texts(*node, "services", "backup", IsUnit,
                                     "must be a systemd unit such as nginx.service");
      manifest.backup = std::move(backup);
    }
  }

  void ReadKnownFailures() {
    const auto* node = root_.Find("known_failures");
    if (node == nullptr || !reader.Sequence(*node, "known_failures")) return;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      const std::string path = Index("known_failures", i);
      const auto& item = node->items[i];
      const Keys known{"pattern", "cause", "remedy", "retryable"};
      if (!reader.Mapping(item, path, known, {"pattern", "cause"})) continue;
      KnownFailure failure;
      if (auto pattern = reader.Regex(item, "pattern", path)) failure.pattern = std::move(*pattern);
      failure.cause = reader.Text(item, "cause", path, 1000).value_or("");
      failure.remedy = reader.Text(item, "remedy", path, 4000).value_or("");
      failure.retryable = reader.Boolean(item, "retryable", path).value_or(false);
      manifest.known_failures.push_back(std::move(failure));
    }
  }

  // With files, a sensitive input `x` is the variable X_FILE: neither another input's nor one that
  // a shell or the platform uses.
  void CheckSecretFiles() {
    if (manifest.secret_delivery != SecretDelivery::kFile) return;
    for (std::size_t i = 0; i < manifest.inputs.size(); ++i) {
      const auto& input = manifest.inputs[i];
      const std::string file = input.name + "_file";
      if (!input.sensitive || input.name.empty()) continue;
      const auto* name = root_.Find("inputs")->items[i].Find("name");
      const std::string path = Index("inputs", i) + ".name";
      if (manifest.FindInput(file) != nullptr) {
        reader.Refuse(name->place, path,
                      fmt::format("its file is the variable of another input, `{}`", file));
      }
      if (IsReservedName(file)) {
        reader.Refuse(
            name->place, path,
            fmt::format("its file would be `{}`, which is reserved: that variable belongs "
                        "to the shell or the platform",
                        file));
      }
    }
  }

  const yaml::Node& root_;
  const DirectoryFacts* facts_;
};

// Of well-formed UTF-8.
std::string_view FirstCodePoints(std::string_view utf8, std::size_t most) {
  std::size_t end = 0;
  for (; end < utf8.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(utf8[end]) & 0xC0) != 0x80;
    if (begins && most-- == 0) break;
  }
  return utf8.substr(0, end);
}

// Line `number` of `text`, from 1, as it is shown beside a fault.
std::optional<std::string> SourceLine(std::string_view text, int number) {
  for (; number > 1; --number) {
    const auto end = text.find('\n');
    if (end == text.npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  auto line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return std::nullopt;
  return std::string(FirstCodePoints(ReplaceInvalidUtf8(line), kMostSourceCharacters));
}

// In the order of the file, each with its line's text.
void PutInOrder(std::vector<ManifestFault>& faults, std::string_view text) {
  std::ranges::sort(faults, {}, [](const ManifestFault& fault) {
    return std::tie(fault.line, fault.column, fault.path, fault.message);
  });
  for (auto& fault : faults) fault.source = SourceLine(text, fault.line);
}

}  // namespace

std::string ManifestFault::ToString() const {
  return fmt::format("{}:{}:{}: {}{}{}", file, line, column, path, path.empty() ? "" : ": ",
                     message);
}

LoadOutcome ParseManifest(const std::string& file, std::string_view text,
                          const DirectoryFacts* facts) {
  yaml::Limits limits;
  limits.bytes = kMaxManifestBytes;
  const yaml::Document document = yaml::Parse(text, limits);
  LoadOutcome outcome;
  for (const auto& fault : document.faults) {
    outcome.faults.push_back({file, fault.place.line, fault.place.column, "", fault.message});
  }
  // Broken YAML leaves no tree behind, and then nothing more can be said.
  if (!outcome.faults.empty() && document.root.kind != yaml::Kind::kMapping) {
    PutInOrder(outcome.faults, text);
    return outcome;
  }
  ManifestReader manifest_reader(document.root, facts);
  manifest_reader.Read();
  for (auto& fault : manifest_reader.reader.faults) {
    outcome.faults.push_back({file, fault.place.line, fault.place.column, std::move(fault.path),
                              std::move(fault.message)});
  }
  PutInOrder(outcome.faults, text);
  if (outcome.faults.empty()) outcome.manifest = std::move(manifest_reader.manifest);
  return outcome;
}

std::vector<std::string_view> ManifestKeys() { return TopKeys(); }
std::vector<std::string_view> InputKeys() { return KnownInputKeys(); }
std::vector<std::string_view> ValidationKeys() { return KnownValidationKeys(); }

}  // namespace prov::contract
