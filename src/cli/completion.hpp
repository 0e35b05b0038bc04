// Completion for shells: the scripts they load, and what they ask back at each key.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace prov::cli {

// What a shell loads; nothing for another shell than bash, zsh or fish.
std::optional<std::string> CompletionScript(const std::string& shell);

// Each command's flags, from the parser: of "install" or "user create", "--server" and the like.
using CommandFlags = std::map<std::string, std::vector<std::string>>;

// What may stand in the last of `words` (those behind the program's name, the last one unfinished,
// maybe ""). Asks the panel for names where one is due, and offers none when it does not answer in
// time. Nothing but letters, digits and `.`, `_`, `=`, `-` is offered: a shell reads it.
std::vector<std::string> Complete(const Settings& settings, const CommandFlags& commands,
                                  const std::vector<std::string>& words);

}  // namespace prov::cli
