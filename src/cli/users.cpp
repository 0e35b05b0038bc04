#include "cli/users.hpp"

#include <iostream>

#include <fmt/format.h>

#include "base/files.hpp"
#include "cli/prompt.hpp"
#include "cli/show.hpp"
#include "cli/terminal.hpp"

namespace prov::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMaxPasswordFileBytes = 64 * 1024;

Failure Usage(std::string sentence) { return {ExitStatus::kUsage, std::move(sentence)}; }

OrFailure<std::string> AskTwice() {
  if (!CanAsk())
    return Usage("there is no terminal: give --password-file FILE, or - for standard input");
  const auto first = AskSecret("Password: ");
  const auto second = first ? AskSecret("Once more: ") : first;
  if (!second) return Usage("no password was given");
  if (*first != *second) return Usage("the two passwords differ");
  return *first;
}

OrFailure<std::string> ReadPassword(const std::string& file) {
  if (file.empty()) return AskTwice();
  std::string line;
  if (file == "-") {
    if (!std::getline(std::cin, line)) return Usage("standard input ended before the password");
    return line;
  }
  const auto text = ReadFile(file, kMaxPasswordFileBytes);
  if (!text) return Usage("--password-file: " + text.error().ToString());
  return text->substr(0, text->find('\n'));
}

// The API knows users by id, people by name.
OrFailure<std::string> PathOf(ApiClient& api, const std::string& name) {
  const auto users = api.Get("/api/users");
  if (!users) return users.error();
  for (const auto& user : users->at("items").as_array()) {
    if (Text(user.as_object(), "name") == name)
      return "/api/users/" + Escaped(Text(user.as_object(), "id"));
  }
  return Usage(fmt::format("there is no user `{}`; `provisionctl users` lists them", name));
}

// What the panel made of it, or in a table a sentence.
ExitStatus Tell(const Settings& settings, const OrFailure<bj::value>& answer,
                const std::string& sentence) {
  if (!answer) return Fail(answer.error());
  if (settings.output == Output::kTable)
    Print(Harmless(sentence) + "\n");
  else if (answer->is_object())
    Show(settings, *answer, {});
  return ExitStatus::kOk;
}

ExitStatus Change(const Settings& settings, const std::string& name, const bj::object& patch,
                  const std::string& sentence) {
  ApiClient api(settings.api);
  const auto path = PathOf(api, name);
  if (!path) return Fail(path.error());
  return Tell(settings, api.Patch(*path, patch), sentence);
}

}  // namespace

ExitStatus ListUsers(const Settings& settings) {
  ApiClient api(settings.api);
  const auto users = api.Get("/api/users");
  if (!users) return Fail(users.error());
  Show(settings, *users, {"name", "role", "disabled", "created_at", "last_seen_at"});
  return ExitStatus::kOk;
}

ExitStatus CreateUser(const Settings& settings, const std::string& name, const std::string& role,
                      const std::string& password_file) {
  const auto password = ReadPassword(password_file);
  if (!password) return Fail(password.error());
  ApiClient api(settings.api);
  const auto made =
      api.Post("/api/users", bj::object{{"name", name}, {"password", *password}, {"role", role}});
  return Tell(settings, made, name + " may sign in now");
}

ExitStatus SetUserRole(const Settings& settings, const std::string& name, const std::string& role) {
  const bool administrator = role == "administrator";
  return Change(settings, name, {{"role", role}},
                name + (administrator ? " is an administrator now" : " is a user now"));
}

ExitStatus EnableUser(const Settings& settings, const std::string& name, bool on) {
  return Change(settings, name, {{"disabled", !on}},
                name + (on ? " may sign in again"
                           : " is signed out, and neither they nor their tokens are let in"));
}

ExitStatus SetUserPassword(const Settings& settings, const std::string& name,
                           const std::string& password_file) {
  ApiClient api(settings.api);
  const auto path = PathOf(api, name);
  if (!path) return Fail(path.error());
  const auto password = ReadPassword(password_file);
  if (!password) return Fail(password.error());
  const auto set = api.Post(*path + "/password", bj::object{{"new_password", *password}});
  return Tell(settings, set, name + " has another password now, and is signed out");
}

ExitStatus RemoveUser(const Settings& settings, const std::string& name) {
  ApiClient api(settings.api);
  const auto path = PathOf(api, name);
  if (!path) return Fail(path.error());
  return Tell(settings, api.Delete(*path), name + " is removed, and their tokens are revoked");
}

}  // namespace prov::cli
