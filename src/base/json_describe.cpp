#include "base/json_describe.hpp"

#include <cctype>

namespace prov::json {
namespace {

// What somebody wrote by mistake is said in full; who means harm has no end of members.
constexpr std::size_t kMostFaults = 50;

}  // namespace

std::string EnumeratorToName(std::string_view enumerator) {
  if (enumerator.starts_with('k')) enumerator.remove_prefix(1);
  std::string name;
  for (const char c : enumerator) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !name.empty()) name += '_';
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

std::string EscapePointer(std::string_view token) {
  std::string escaped;
  for (const char c : token) {
    if (c == '~')
      escaped += "~0";
    else if (c == '/')
      escaped += "~1";
    else
      escaped += c;
  }
  return escaped;
}

std::string_view detail::KindName(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "a boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
      return "an integer";
    case boost::json::kind::double_:
      return "a number with a fraction";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
  }
  return "something else";
}

std::string detail::Wanted(std::string_view what, const boost::json::value& got) {
  return "must be " + std::string(what) + ", not " + std::string(KindName(got));
}

void Reader::Refuse(const std::string& pointer, std::string_view wanted,
                    const boost::json::value& got) {
  Fail(pointer, detail::Wanted(wanted, got));
}

void Reader::Fail(const std::string& pointer, std::string message) {
  if (faults_.size() < kMostFaults) return faults_.push_back({pointer, std::move(message)});
  if (faults_.size() == kMostFaults) faults_.push_back({"", "and more"});
}

}  // namespace prov::json
