// A static program must not load the host's name service modules: with a foreign libc they end it.
#pragma once

namespace prov::agent {

// Users and groups from files, hosts from files and DNS. First thing in main.
void UseBuiltInNameService();

}  // namespace prov::agent
