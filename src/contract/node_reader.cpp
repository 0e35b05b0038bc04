#include "contract/node_reader.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/encoding.hpp"

namespace prov::contract {
namespace {

std::size_t EditDistance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

bool IsScalar(const yaml::Node& node) {
  return node.kind != yaml::Kind::kSequence && node.kind != yaml::Kind::kMapping &&
         node.kind != yaml::Kind::kNull;
}

}  // namespace

std::string_view NearMiss(std::string_view word, const Keys& known) {
  std::string_view nearest;
  std::size_t least = 3;
  if (word.size() > 64) return nearest;
  for (const auto key : known) {
    const std::size_t distance = EditDistance(word, key);
    if (distance < least && distance * 2 < std::max(word.size(), key.size())) {
      least = distance;
      nearest = key;
    }
  }
  return nearest;
}

std::string Join(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

std::string Index(const std::string& path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

std::optional<boost::json::value> ScalarValue(const yaml::Node& node) {
  const char* begin = node.text.data();
  const char* end = begin + node.text.size();
  switch (node.kind) {
    case yaml::Kind::kString:
      return boost::json::value(node.text);
    case yaml::Kind::kBool:
      return boost::json::value(node.text.starts_with('t') || node.text.starts_with('T'));
    case yaml::Kind::kInteger: {
      std::int64_t value = 0;
      int base = 10;
      if (node.text.starts_with("0x")) base = 16, begin += 2;
      if (node.text.starts_with("0o")) base = 8, begin += 2;
      if (*begin == '+') ++begin;
      const auto [stop, error] = std::from_chars(begin, end, value, base);
      if (error != std::errc{} || stop != end) return std::nullopt;
      return boost::json::value(value);
    }
    case yaml::Kind::kFloat: {
      double value = 0;
      if (begin != end && *begin == '+') ++begin;
      const auto [stop, error] = std::from_chars(begin, end, value);
      if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
      return boost::json::value(value);
    }
    default:
      return std::nullopt;
  }
}

void NodeReader::Refuse(yaml::Place place, std::string path, std::string message) {
  faults.push_back({place, std::move(path), std::move(message)});
}

bool NodeReader::Mapping(const yaml::Node& node, const std::string& path, const Keys& known,
                         const Keys& required) {
  if (node.kind != yaml::Kind::kMapping) {
    Refuse(node.place, path, "must be a mapping (key: value)");
    return false;
  }
  for (const auto& member : node.members) {
    if (std::ranges::find(known, std::string_view(member.key)) != known.end()) continue;
    std::string message = fmt::format("unknown key `{}`", member.key);
    if (const auto near = NearMiss(member.key, known); !near.empty()) {
      message += fmt::format(", did you mean `{}`?", near);
    }
    Refuse(member.place, path, std::move(message));
  }
  for (const auto key : required) {
    if (node.Find(key) == nullptr) Refuse(node.place, Join(path, key), "is missing");
  }
  return true;
}

bool NodeReader::Sequence(const yaml::Node& node, const std::string& path) {
  if (node.kind == yaml::Kind::kSequence) return true;
  Refuse(node.place, path, "must be a list");
  return false;
}

std::optional<std::string> NodeReader::Text(const yaml::Node& parent, std::string_view key,
                                            const std::string& path, std::size_t most) {
  const auto* node = parent.Find(key);
  if (node == nullptr) return std::nullopt;
  if (!IsScalar(*node)) {
    Refuse(node->place, Join(path, key), "must be text");
    return std::nullopt;
  }
  if (node->text.empty() || CountCodePoints(node->text) > most) {
    Refuse(node->place, Join(path, key), fmt::format("must have 1 to {} characters", most));
    return std::nullopt;
  }
  const bool has_control = std::ranges::any_of(node->text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
  });
  if (has_control) {
    Refuse(node->place, Join(path, key), "must not hold control characters");
    return std::nullopt;
  }
  return node->text;
}

std::optional<std::int64_t> NodeReader::Integer(const yaml::Node& parent, std::string_view key,
                                                const std::string& path, std::int64_t least,
                                                std::int64_t most) {
  const auto* node = parent.Find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = ScalarValue(*node);
  if (node->kind == yaml::Kind::kInteger && value && value->get_int64() >= least &&
      value->get_int64() <= most) {
    return value->get_int64();
  }
  Refuse(node->place, Join(path, key),
         fmt::format("must be a whole number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<boost::json::value> NodeReader::Number(const yaml::Node& parent, std::string_view key,
                                                     const std::string& path) {
  const auto* node = parent.Find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = ScalarValue(*node);
  if (value && value->is_number()) return value;
  Refuse(node->place, Join(path, key), "must be a number");
  return std::nullopt;
}

std::optional<bool> NodeReader::Boolean(const yaml::Node& parent, std::string_view key,
                                        const std::string& path) {
  const auto* node = parent.Find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == yaml::Kind::kBool) return ScalarValue(*node)->get_bool();
  Refuse(node->place, Join(path, key), "must be true or false");
  return std::nullopt;
}

std::optional<Pattern> NodeReader::Regex(const yaml::Node& parent, std::string_view key,
                                         const std::string& path) {
  const auto text = Text(parent, key, path, 1000);
  if (!text) return std::nullopt;
  auto compiled = Pattern::Compile(*text);
  if (compiled) return std::move(*compiled);
  Refuse(parent.Find(key)->place, Join(path, key), compiled.error().message);
  return std::nullopt;
}

std::vector<std::string> NodeReader::Texts(const yaml::Node& parent, std::string_view key,
                                           const std::string& path, bool (*fits)(std::string_view),
                                           std::string_view wanted) {
  std::vector<std::string> texts;
  const auto* node = parent.Find(key);
  if (node == nullptr || !Sequence(*node, Join(path, key))) return texts;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const auto& item = node->items[i];
    const std::string at = Index(Join(path, key), i);
    if (!IsScalar(item) || !fits(item.text)) {
      Refuse(item.place, at, std::string(wanted));
    } else if (std::ranges::find(texts, item.text) != texts.end()) {
      Refuse(item.place, at, fmt::format("`{}` is named twice", item.text));
    } else {
      texts.push_back(item.text);
    }
  }
  return texts;
}

void NodeReader::RefuseWord(const yaml::Node& parent, std::string_view key, const std::string& path,
                            const std::string& word, const std::string& names) {
  Keys known;
  for (std::string_view rest = names; !rest.empty();) {
    const std::size_t end = std::min(rest.find(", "), rest.size());
    known.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  std::string message = "must be one of " + names;
  if (const auto near = NearMiss(word, known); !near.empty()) {
    message += fmt::format("; did you mean `{}`?", near);
  }
  Refuse(parent.Find(key)->place, Join(path, key), std::move(message));
}

}  // namespace prov::contract
