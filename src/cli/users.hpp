// provisionctl's commands for people: who may sign in, and as what. They want a token of an
// administrator's (scope `admin`).
#pragma once

#include <string>

#include "cli/commands.hpp"

namespace prov::cli {

ExitStatus ListUsers(const Settings& settings);
// `role` is `user` or `administrator`. The password is the first line of `password_file` ("-" is
// standard input); with "" it is asked for twice at the terminal.
ExitStatus CreateUser(const Settings& settings, const std::string& name, const std::string& role,
                      const std::string& password_file);
ExitStatus SetUserRole(const Settings& settings, const std::string& name, const std::string& role);
// Whether they are let in: who is disabled loses sessions, and their tokens are refused.
ExitStatus EnableUser(const Settings& settings, const std::string& name, bool on);
// Ends the user's sessions.
ExitStatus SetUserPassword(const Settings& settings, const std::string& name,
                           const std::string& password_file);
ExitStatus RemoveUser(const Settings& settings, const std::string& name);

}  // namespace prov::cli
