// The files of web/dist that are linked into the program. cmake/embed_web.py makes the source.
#pragma once

#include <span>
#include <string_view>

namespace prov::panel {

// One file, in every coding that makes it smaller. All of it lives as long as the program.
struct WebFile {
  std::string_view path;  // as it is asked for: "/assets/index-D2b_1c.js"
  std::string_view hash;  // of `identity`, in hex
  std::string_view identity;
  std::string_view gzip;    // "" where it would be no smaller
  std::string_view brotli;  // the same
};

// In no order; empty where the program was built without pages. Defined in the generated source,
// which is the program's and no library's, so that tests are not linked anew for another page.
std::span<const WebFile> EmbeddedFiles();

}  // namespace prov::panel
