// What can be asked of an installer (docs/contract.md). Each action but `install` needs the script
// of its name.
#pragma once

#include <boost/describe.hpp>

namespace prov::contract {

enum class Action { kInstall, kUninstall, kUpgrade, kCheck };
BOOST_DESCRIBE_ENUM(Action, kInstall, kUninstall, kUpgrade, kCheck)

}  // namespace prov::contract
