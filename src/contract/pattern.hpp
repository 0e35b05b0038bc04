// A regular expression in RE2's syntax, compiled once when the manifest is loaded.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace re2 {
class RE2;
}

namespace prov::contract {

// Immutable; copies share the compiled program. Thread-safe. Matching takes time linear in the
// text.
class Pattern {
 public:
  Pattern() = default;                                      // matches nothing
  static Result<Pattern> Compile(const std::string& text);  // kInvalidArgument
  bool MatchesWhole(std::string_view value) const;
  bool FoundIn(std::string_view line) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::shared_ptr<const re2::RE2> program_;
};

}  // namespace prov::contract
