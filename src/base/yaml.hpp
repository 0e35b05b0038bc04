// YAML, read strictly into a tree with places (libfyaml's events). Refused: aliases, anchors, tags,
// merge keys, duplicate keys, several documents, bad UTF-8, and what passes the limits. YAML 1.2
// core schema; scalars keep the text they were written with, so that `version: 1.10` stays "1.10".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace prov::yaml {

struct Place {
  int line = 1;    // from 1
  int column = 1;  // from 1, in code points
  bool operator==(const Place&) const = default;
};

enum class Kind { kNull, kBool, kInteger, kFloat, kString, kSequence, kMapping };

struct Member;

struct Node {
  Kind kind = Kind::kNull;
  std::string text;     // a scalar as written, unquoted; "" for collections
  bool quoted = false;  // quoted or block scalars are always kString
  Place place;
  std::vector<Node> items;      // kSequence
  std::vector<Member> members;  // kMapping, in the order of the file

  const Node* Find(std::string_view key) const;  // in a mapping; nullptr when absent
};

struct Member {
  std::string key;
  Place place;  // of the key
  Node value;
};

struct Limits {
  std::size_t bytes = 256 * 1024;
  std::size_t depth = 32;
  std::size_t nodes = 50'000;
};

struct Fault {
  Place place;
  std::string message;
};

struct Document {
  Node root;
  std::vector<Fault> faults;  // duplicates, aliases, … : all of them; broken syntax or a passed
                              // limit ends the list
};

// Never throws and never aborts, whatever the bytes are.
Document Parse(std::string_view text, const Limits& limits = {});

}  // namespace prov::yaml
