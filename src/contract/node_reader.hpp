// Takes a YAML tree apart and collects what is wrong, each with its place and path. For the loader
// only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/yaml.hpp"
#include "contract/pattern.hpp"

namespace prov::contract {

using Keys = std::vector<std::string_view>;

// The member of `known` nearest to `word`, when it is near enough for a slip (two edits, and less
// than half of the word); "" otherwise.
std::string_view NearMiss(std::string_view word, const Keys& known);

struct ReadFault {
  yaml::Place place;
  std::string path;
  std::string message;
};

class NodeReader {
 public:
  std::vector<ReadFault> faults;

  void Refuse(yaml::Place place, std::string path, std::string message);

  // False, with a fault, when it is not a mapping. Unknown keys and missing required ones are
  // faults.
  bool Mapping(const yaml::Node& node, const std::string& path, const Keys& known,
               const Keys& required = {});
  bool Sequence(const yaml::Node& node, const std::string& path);

  // The value of `key` in a mapping; nothing when it is absent or wrong (then with a fault).
  std::optional<std::string> Text(const yaml::Node& parent, std::string_view key,
                                  const std::string& path, std::size_t most = 200);
  std::optional<std::int64_t> Integer(const yaml::Node& parent, std::string_view key,
                                      const std::string& path, std::int64_t least,
                                      std::int64_t most);
  // An int64 where it is written as a whole number, else a double.
  std::optional<boost::json::value> Number(const yaml::Node& parent, std::string_view key,
                                           const std::string& path);
  std::optional<bool> Boolean(const yaml::Node& parent, std::string_view key,
                              const std::string& path);
  std::optional<Pattern> Regex(const yaml::Node& parent, std::string_view key,
                               const std::string& path);
  // A list of texts, each of which `fits`, none twice; `wanted` says what would be right.
  std::vector<std::string> Texts(const yaml::Node& parent, std::string_view key,
                                 const std::string& path, bool (*fits)(std::string_view),
                                 std::string_view wanted);
  template <class E>
  std::optional<E> Enum(const yaml::Node& parent, std::string_view key, const std::string& path) {
    const auto text = Text(parent, key, path);
    if (!text) return std::nullopt;
    const auto value = json::EnumFromName<E>(*text);
    if (!value) RefuseWord(parent, key, path, *text, json::EnumNames<E>());
    return value;
  }

 private:
  void RefuseWord(const yaml::Node& parent, std::string_view key, const std::string& path,
                  const std::string& word, const std::string& names);
};

// "inputs[0]" and "name" are "inputs[0].name".
std::string Join(const std::string& path, std::string_view key);
std::string Index(const std::string& path, std::size_t index);
// A scalar as JSON, by YAML's core schema; nothing for null, collections and numbers out of range.
std::optional<boost::json::value> ScalarValue(const yaml::Node& node);

}  // namespace prov::contract
