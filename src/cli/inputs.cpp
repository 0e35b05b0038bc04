#include "cli/inputs.hpp"

#include <cstdio>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/random.hpp"
#include "cli/prompt.hpp"
#include "cli/terminal.hpp"

namespace prov::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMaxInputBytes = 128 * 1024;
constexpr int kMostRounds = 20;

Failure Usage(std::string sentence) { return {ExitStatus::kUsage, std::move(sentence)}; }

bool Flag(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const bj::object* Find(const KnownInputs& known, std::string_view name) {
  for (const auto& input : known) {
    if (Text(input, "name") == name) return &input;
  }
  return nullptr;
}

bj::value AsGiven(const bj::object* input, const std::string& value) {
  if (input == nullptr || Text(*input, "type") != "multiselect") return bj::value(value);
  bj::array list;
  for (std::size_t at = 0; at < value.size();) {
    const auto end = std::min(value.find(',', at), value.size());
    list.emplace_back(value.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

// "name" and what is behind the first equals sign.
OrFailure<std::pair<std::string, std::string>> Split(const std::string& text, const char* form) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return Usage("`" + text + "` is not " + form);
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

std::string Choices(const bj::object& input) {
  const auto* rules = input.if_contains("validation");
  if (Text(input, "type") == "boolean") return "true or false";
  if (rules == nullptr || !rules->is_object()) return "";
  const auto* allowed = rules->get_object().if_contains("allowed_values");
  if (allowed == nullptr || !allowed->is_array()) return "";
  std::string text;
  for (const auto& each : allowed->get_array()) {
    const auto& value = each.at("value");
    text += text.empty() ? "" : ", ";
    text += value.is_string() ? std::string(value.get_string()) : bj::serialize(value);
  }
  return (Text(input, "type") == "multiselect" ? "some of " : "one of ") + text;
}

// 128 bits, without characters that are taken for another.
std::string Generate() {
  static constexpr std::string_view kLetters =
      "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  SystemRandom random;
  std::string password;
  while (password.size() < 24) {
    unsigned char byte = 0;
    random.Fill(&byte, 1);
    // Each letter as likely as every other.
    if (byte < 256 / kLetters.size() * kLetters.size())
      password += kLetters[byte % kLetters.size()];
  }
  return password;
}

OrFailure<std::string> AskOne(const bj::object& input) {
  auto question = Text(input, "label");
  if (const auto more = Text(input, "description"); !more.empty()) question += " (" + more + ")";
  if (const auto choices = Choices(input); !choices.empty()) question += ", " + choices;
  if (Flag(input, "generate")) question += " [empty: one is made]";
  question = Harmless(question) + ": ";
  auto answer = Flag(input, "sensitive") ? AskSecret(question) : Ask(question);
  if (!answer) return Usage("there was no answer for " + Text(input, "name"));
  if (answer->empty() && Flag(input, "generate")) {
    *answer = Generate();
    std::fprintf(stderr, "  made: %s\n", answer->c_str());
  }
  return std::move(*answer);
}

}  // namespace

KnownInputs InputsOf(const bj::value& app) {
  KnownInputs inputs;
  for (const auto& each : app.at("inputs").as_array()) inputs.push_back(each.as_object());
  return inputs;
}

OrFailure<bj::object> ReadInputs(const GivenInputs& given, const KnownInputs& known) {
  bj::object inputs;
  for (const auto& each : given.plain) {
    const auto pair = Split(each, "NAME=VALUE");
    if (!pair) return pair.error();
    const auto& [name, value] = *pair;
    const auto* input = Find(known, name);
    if (input != nullptr && Flag(*input, "sensitive") && !given.insecure_argv) {
      return Usage(
          fmt::format("{0} is sensitive, and every user of this machine can read a "
                      "command line: use --secret {0}, or --input-file {0}=FILE",
                      name));
    }
    inputs[name] = AsGiven(input, value);
  }
  for (const auto& each : given.files) {
    const auto pair = Split(each, "NAME=FILE");
    if (!pair) return pair.error();
    const auto& [name, file] = *pair;
    const auto* input = Find(known, name);
    auto text = ReadFile(file, kMaxInputBytes);
    if (!text) return Usage(text.error().ToString());
    // An editor's newline is not part of a value that cannot have one.
    if (text->ends_with('\n') && (input == nullptr || Text(*input, "type") != "text"))
      text->pop_back();
    inputs[name] = AsGiven(input, *text);
  }
  for (const auto& name : given.secrets) {
    auto secret = AskSecret(name + ": ");
    if (!secret)
      return Usage("standard input ended before the value of " + name + ": one line each");
    inputs[name] = AsGiven(Find(known, name), *secret);
  }
  return inputs;
}

OrFailure<bj::object> AskInputs(ApiClient& api, const std::string& app, const KnownInputs& known,
                                bj::object given) {
  std::set<std::string> asked;
  for (int round = 0; round < kMostRounds; ++round) {
    const auto verdict = api.Post("/api/installers/" + app + "/validate", {{"inputs", given}});
    if (!verdict) return verdict.error();
    if (verdict->at("valid").as_bool()) return given;
    bool any = false;
    for (const auto& error : verdict->at("errors").as_array()) {
      const auto name = Text(error.as_object(), "field");
      const auto* input = Find(known, name);
      if (input == nullptr) continue;
      // What was typed on the command line and is wrong is said as ever; what is missing is asked.
      const bool was_given = given.contains(name) && !asked.contains(name);
      if (was_given) return given;
      if (given.contains(name))
        std::fprintf(stderr, "  %s\n", Harmless(Text(error.as_object(), "message")).c_str());
      const auto answer = AskOne(*input);
      if (!answer) return answer.error();
      given[name] = AsGiven(input, *answer);
      asked.insert(name);
      any = true;
    }
    if (!any) return given;  // the panel's own refusal says it best
  }
  return given;
}

}  // namespace prov::cli
