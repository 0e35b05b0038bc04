// The web panel's files over HTTP. One page draws all that a person sees: whatever a browser opens,
// /jobs/01990000-…, is answered with /index.html.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "net/http_message.hpp"
#include "panel/web/embedded_files.hpp"

namespace prov::panel {

// What a browser may do with the pages; web/mock sends the same (web/tests/e2e/assets.spec.ts).
inline constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

class Pages {
 public:
  // The files outlive this.
  explicit Pages(std::span<const WebFile> files);

  // 200, 304 or 406; nothing where the request is not for a file or a page, and the routes answer.
  // HEAD as GET: the server leaves the body out.
  std::optional<net::Response> Answer(const net::Request& request);

 private:
  net::Response Serve(const WebFile& file, const net::Request& request);
  std::shared_ptr<const std::string> Shared(std::string_view bytes);

  std::unordered_map<std::string_view, const WebFile*> files_;
  // What was asked for so far, by where it lies: responses share it.
  std::map<const char*, std::shared_ptr<const std::string>> shared_;
};

}  // namespace prov::panel
