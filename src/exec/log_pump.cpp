#include "exec/log_pump.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "job/limits.hpp"

namespace prov::exec {
namespace {

// "::output ", a name, "=" and a value that Hide finds too long.
constexpr std::size_t kLongestSensitiveLine = kMaxSensitiveLine + 128;

}  // namespace

LogPump::LogPump(LogWriter& log, std::vector<DeclaredOutput> declared,
                 const std::vector<std::string>& secrets)
    : log_(log), declared_(std::move(declared)) {
  sides_[0].stream = Stream::kOut;
  for (const auto& secret : secrets) masker_.Add(secret);
  for (auto& side : sides_) side.masker = masker_;
  sides_[1].stream = Stream::kErr;
}

std::string LogPump::Masked(std::string_view text) {
  std::string out;
  masker_.Push(text, out);
  masker_.Flush(out);
  return ReplaceInvalidUtf8(out);
}

void LogPump::Warn(std::string_view sentence) {
  if (warnings_++ < kMaxWarnings) Notice("::warning " + Masked(sentence));
}

const DeclaredOutput* LogPump::Declared(std::string_view name) const {
  const auto found = std::ranges::find(declared_, name, &DeclaredOutput::name);
  return found == declared_.end() ? nullptr : &*found;
}

bool LogPump::MayKeep(const contract::OutputLine& output, std::size_t longest) {
  const auto& [name, value] = output;
  if (value.size() > longest) {
    Warn("The output " + name + " is too long and was left out.");
    return false;
  }
  const bool another = !plain_.contains(name) && !sensitive_.contains(name);
  if (another && plain_.size() + sensitive_.size() >= job::kMostOutputs) {
    Warn(fmt::format("The output {} was left out: a job has at most {}.", name, job::kMostOutputs));
    return false;
  }
  return true;
}

void LogPump::Hide(const contract::OutputLine& output) {
  const auto value = std::string_view(output.value).substr(0, kMaxSensitiveLine);
  if (MayKeep(output, kMaxSensitiveLine)) sensitive_[output.name] = output.value;
  if (++hidden_ == kMaxSensitiveValues + 1)
    Warn("So many sensitive outputs were printed that further values are not masked elsewhere.");
  if (hidden_ > kMaxSensitiveValues) return;
  masker_.Add(value);
  for (auto& side : sides_) side.masker.Add(value);
}

void LogPump::Line(Side& side, std::string_view line, std::string& text) {
  const auto bare = line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
  const auto parsed = contract::ParseScriptLine(bare);
  if (const auto* output = std::get_if<contract::OutputLine>(&parsed)) {
    const auto* declared = Declared(output->name);
    if (declared != nullptr && declared->sensitive) return Hide(*output);
    if (declared == nullptr)
      Warn("The script printed the output " + output->name +
           ", which its manifest does not declare.");
    else if (MayKeep(*output, kMaxOutputValue))
      plain_[output->name] = Masked(output->value);
  }
  side.masker.Push(line, text);
  side.masker.Flush(text);
}

// `block` ends with a newline and starts at a line's start.
void LogPump::Lines(Side& side, std::string_view block) {
  std::string text;
  text.reserve(block.size());
  if (block.starts_with("::") || block.find("\n::") != block.npos) {
    while (!block.empty()) {
      const auto end = block.find('\n');
      const auto length = end == block.npos ? block.size() : end + 1;
      Line(side, block.substr(0, length), text);
      block.remove_prefix(length);
    }
  } else {
    side.masker.Push(block, text);
    side.masker.Flush(text);
  }
  if (!text.empty()) log_.Add(side.stream, text);
}

void LogPump::Feed(Stream stream, std::string_view bytes) {
  auto& side = sides_[stream == Stream::kOut ? 0 : 1];
  if (side.in_long) {
    const auto end = bytes.find('\n');
    std::string text;
    side.masker.Push(bytes.substr(0, end == bytes.npos ? end : end + 1), text);
    if (end != bytes.npos) {
      side.masker.Flush(text);
      side.in_long = false;
    }
    if (!text.empty()) log_.Add(stream, text);
    if (end == bytes.npos) return;
    bytes.remove_prefix(end + 1);
  }
  if (const auto last = bytes.rfind('\n'); last != bytes.npos) {
    if (side.held.empty()) {
      Lines(side, bytes.substr(0, last + 1));
    } else {
      side.held.append(bytes.substr(0, last + 1));
      Lines(side, std::exchange(side.held, {}));
    }
    bytes.remove_prefix(last + 1);
  }
  side.held.append(bytes);
  if (side.held.size() <= kLongestLine) return;
  const auto line = contract::ParseScriptLine(std::string_view(side.held).substr(0, kLongestLine));
  if (const auto* output = std::get_if<contract::OutputLine>(&line)) {
    const auto* declared = Declared(output->name);
    if (declared != nullptr && declared->sensitive) {
      side.held.resize(std::min(side.held.size(), kLongestSensitiveLine));
      return;
    }
  }
  std::string text;
  side.masker.Push(std::exchange(side.held, {}), text);
  side.in_long = true;
  if (!text.empty()) log_.Add(stream, text);
}

void LogPump::End() {
  for (auto& side : sides_) {
    if (!side.held.empty()) Lines(side, std::exchange(side.held, {}));
    std::string text;
    side.masker.Flush(text);
    if (!text.empty()) log_.Add(side.stream, text);
  }
}

void LogPump::Notice(std::string_view sentence) {
  log_.Add(Stream::kNotice, std::string(sentence) + "\n");
}

std::vector<job::Output> LogPump::Outputs() const {
  std::vector<job::Output> outputs;
  for (const auto& declared : declared_) {
    if (declared.sensitive && sensitive_.contains(declared.name))
      outputs.push_back({declared.name, declared.label, std::nullopt, true});
    if (const auto found = plain_.find(declared.name); found != plain_.end())
      outputs.push_back({declared.name, declared.label, found->second, false});
  }
  return outputs;
}

}  // namespace prov::exec
