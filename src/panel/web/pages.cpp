#include "panel/web/pages.hpp"

#include <fmt/format.h>

#include "net/header_list.hpp"
#include "net/problem.hpp"
#include "panel/web/content_coding.hpp"

namespace prov::panel {
namespace {

constexpr std::string_view kIndex = "/index.html";
// Vite names these by their content: what is there under a name never changes.
constexpr std::string_view kAssets = "/assets/";
constexpr std::string_view kNothingBuilt =
    "This panel was built without its web pages.\n\nBuild them, and the panel with them:\n\n"
    "    ./dev build release\n\n"
    "or hand CMake pages that are built already: -DPROV_WEB_DIST=/path/to/web/dist\n\n"
    "The API is there all the same: /api/health\n";

std::string_view ContentType(std::string_view path) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

void Harden(net::Headers& headers) {
  headers.Set("Content-Security-Policy", std::string(kContentSecurityPolicy));
  headers.Set("X-Content-Type-Options", "nosniff");
  headers.Set("Referrer-Policy", "no-referrer");
  headers.Set("Cross-Origin-Opener-Policy", "same-origin");
  headers.Set("Cross-Origin-Resource-Policy", "same-origin");
}

// Of programs and of scripts, never of pages: not even an unknown path there is a page.
bool IsReserved(std::string_view path) {
  for (const std::string_view first : {"/api", "/agent", "/metrics"}) {
    if (path == first || (path.starts_with(first) && path[first.size()] == '/')) return true;
  }
  return path.starts_with(kAssets);
}

// A browser that opens a page says so by name; "*/*" also comes from scripts and images.
bool WantsHtml(const net::Request& request) {
  return std::ranges::any_of(net::ListElements(request.headers, "Accept"), [](auto range) {
    return net::EqualsIgnoringCase(net::TrimSpace(range.substr(0, range.find(';'))), "text/html");
  });
}

// RFC 9110, 13.1.2: compared weakly, so that a proxy's "W/" does no harm. Our tags have no comma.
bool IsKnown(const net::Headers& headers, std::string_view etag) {
  return std::ranges::any_of(net::ListElements(headers, "If-None-Match"), [&](auto tag) {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag == "*" || tag == etag;
  });
}

net::Response NothingBuilt() {
  net::Response response{.status = 404, .body = std::string(kNothingBuilt)};
  response.headers.Set("Content-Type", "text/plain; charset=utf-8");
  return response;
}

}  // namespace

Pages::Pages(std::span<const WebFile> files) {
  for (const auto& file : files) files_.emplace(file.path, &file);
}

std::optional<net::Response> Pages::Answer(const net::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  auto found = files_.find(request.path);
  const bool page = request.path == "/" ||
                    (found == files_.end() && !IsReserved(request.path) && WantsHtml(request));
  if (page) found = files_.find(kIndex);
  if (found == files_.end()) return page ? std::optional(NothingBuilt()) : std::nullopt;
  auto response = Serve(*found->second, request);
  response.route = page ? "/{page}" : "/{file}";
  return response;
}

net::Response Pages::Serve(const WebFile& file, const net::Request& request) {
  std::vector<std::string_view> offered;
  if (!file.brotli.empty()) offered.emplace_back("br");
  if (!file.gzip.empty()) offered.emplace_back("gzip");
  const auto coding = ChooseCoding(request.headers, offered);
  if (!coding) {
    auto refusal = net::MakeProblem(
        406, "not_acceptable", "Accept-Encoding refuses every coding of this file, identity too.");
    refusal.headers.Set("Vary", "Accept-Encoding");
    return refusal;
  }
  const bool plain = *coding == kIdentity;
  // Other bytes, another tag: it is a strong one.
  const auto etag =
      plain ? fmt::format("\"{}\"", file.hash) : fmt::format("\"{}-{}\"", file.hash, *coding);
  net::Response response;
  Harden(response.headers);
  response.headers.Set("ETag", etag);
  response.headers.Set("Vary", "Accept-Encoding");
  response.headers.Set("Cache-Control", file.path.starts_with(kAssets)
                                            ? "public, max-age=31536000, immutable"
                                            : "no-cache");
  if (IsKnown(request.headers, etag)) {
    response.status = 304;
    return response;
  }
  response.headers.Set("Content-Type", std::string(ContentType(file.path)));
  if (!plain) response.headers.Set("Content-Encoding", std::string(*coding));
  response.shared_body = Shared(plain ? file.identity : *coding == "br" ? file.brotli : file.gzip);
  return response;
}

std::shared_ptr<const std::string> Pages::Shared(std::string_view bytes) {
  auto& shared = shared_[bytes.data()];
  if (!shared) shared = std::make_shared<const std::string>(bytes);
  return shared;
}

}  // namespace prov::panel
