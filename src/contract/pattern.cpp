#include "contract/pattern.hpp"

#include <re2/re2.h>

namespace prov::contract {

Result<Pattern> Pattern::Compile(const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto program = std::make_shared<const re2::RE2>(text, options);
  if (!program->ok()) {
    return Error{ErrorCode::kInvalidArgument,
                 "is not a regular expression in RE2's syntax: " + program->error(),
                 {}};
  }
  Pattern pattern;
  pattern.text_ = text;
  pattern.program_ = std::move(program);
  return pattern;
}

bool Pattern::MatchesWhole(std::string_view value) const {
  return program_ && re2::RE2::FullMatch({value.data(), value.size()}, *program_);
}

bool Pattern::FoundIn(std::string_view line) const {
  return program_ && re2::RE2::PartialMatch({line.data(), line.size()}, *program_);
}

}  // namespace prov::contract
