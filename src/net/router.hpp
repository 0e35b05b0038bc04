// The table of routes. It can be enumerated, so that a test proves every route asks for what it
// must.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/http_message.hpp"

namespace prov::net {

struct Route {
  std::string method;   // "GET" also answers HEAD
  std::string pattern;  // "/api/jobs/{id}/log"; a last "{rest...}" takes all that is left
  // What a caller must hold; kOpenScope is for nobody in particular and must be spelled out.
  std::string scope;
  std::optional<std::size_t> body_limit;  // bytes; the server's limit where absent
  Handler handler;
};

inline constexpr std::string_view kOpenScope = "open";

class Router {
 public:
  // A route without a scope, handler or leading "/", and a second of the same shape, are bugs:
  // std::logic_error.
  void Add(Route route);
  const std::vector<Route>& routes() const { return routes_; }

  struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string> parameters;  // decoded
    std::vector<std::string> allowed;  // the path's methods, where only the method is wrong
  };
  // Matches the raw path, segment by segment, so that an encoded "/" stays inside its segment.
  // Literal segments win over parameters.
  Match Find(std::string_view method, std::string_view raw_path) const;
  // Runs the route's handler, after `before` (who is asking, may they?) unless that answers itself.
  // 404 and 405 (with Allow) are answered here.
  using Before =
      std::function<boost::asio::awaitable<std::optional<Response>>(const Route&, Request&)>;
  boost::asio::awaitable<Response> Dispatch(Request request, const Before& before) const;

 private:
  // One character a segment: of two ranks the smaller is the more literal, from the left.
  static constexpr char kLiteral = '0';
  static constexpr char kParameter = '1';
  static constexpr char kRest = '2';
  // A route's pattern, taken apart once.
  struct Pattern {
    explicit Pattern(std::string_view pattern);
    bool SameShape(const Pattern& other) const;
    std::string rank;
    std::vector<std::string> segments;  // the literal, or the parameter's name
  };

  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;  // of each
};

}  // namespace prov::net
