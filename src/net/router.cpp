#include "net/router.hpp"

#include <stdexcept>

#include "net/problem.hpp"

namespace prov::net {

namespace {

std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  while (true) {
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool IsRest(std::string_view segment) { return IsParameter(segment) && segment.ends_with("...}"); }

// A path, taken apart and decoded once for all the patterns it is held to. A segment that cannot be
// decoded matches nothing.
struct GivenPath {
  explicit GivenPath(std::string_view path) : raw(Segments(path)) {
    decoded.reserve(raw.size());
    for (const auto segment : raw) decoded.push_back(PercentDecode(segment, false));
  }
  // All from segment `first` on, slashes included.
  Result<std::string> Rest(std::size_t first) const {
    return PercentDecode({raw[first].data(), raw.back().data() + raw.back().size()}, false);
  }
  std::vector<std::string_view> raw;
  std::vector<Result<std::string>> decoded;
};

}  // namespace

Router::Pattern::Pattern(std::string_view pattern) {
  for (const auto segment : Segments(pattern)) {
    const auto kind = IsRest(segment) ? kRest : IsParameter(segment) ? kParameter : kLiteral;
    rank += kind;
    if (kind == kLiteral)
      segments.emplace_back(segment);
    else
      segments.emplace_back(segment.substr(1, segment.size() - (kind == kRest ? 5 : 2)));
  }
}

bool Router::Pattern::SameShape(const Pattern& other) const {
  if (rank != other.rank) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (rank[i] == kLiteral && segments[i] != other.segments[i]) return false;
  }
  return true;
}

void Router::Add(Route route) {
  if (!route.pattern.starts_with('/') || route.scope.empty() || !route.handler ||
      route.method.empty()) {
    throw std::logic_error("the route " + route.method + " " + route.pattern +
                           " needs a method, a path, a scope and a handler");
  }
  Pattern pattern(route.pattern);
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method == route.method && patterns_[i].SameShape(pattern)) {
      throw std::logic_error("the route " + route.method + " " + route.pattern + " exists twice");
    }
  }
  routes_.push_back(std::move(route));
  patterns_.push_back(std::move(pattern));
}

Router::Match Router::Find(std::string_view method, std::string_view raw_path) const {
  const GivenPath path(raw_path);
  const auto matches = [&path](const Pattern& pattern) {
    const auto& [rank, segments] = pattern;
    if (rank.back() == kRest ? path.raw.size() < rank.size() : path.raw.size() != rank.size())
      return false;
    for (std::size_t i = 0; i < rank.size(); ++i) {
      if (rank[i] == kRest) return path.Rest(i).has_value();
      const auto& given = path.decoded[i];
      if (!given || (rank[i] == kLiteral ? *given != segments[i] : given->empty())) return false;
    }
    return true;
  };
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const auto& offered = routes_[i].method;
    if (offered != method && !(method == "HEAD" && offered == "GET")) continue;
    if (!matches(patterns_[i])) continue;
    if (!best || patterns_[i].rank < patterns_[*best].rank) best = i;
  }
  Match found;
  if (!best) {
    std::set<std::string> allowed;
    for (std::size_t i = 0; i < routes_.size(); ++i) {
      if (!matches(patterns_[i])) continue;
      allowed.insert(routes_[i].method);
      if (routes_[i].method == "GET") allowed.insert("HEAD");
    }
    found.allowed.assign(allowed.begin(), allowed.end());
    return found;
  }
  found.route = &routes_[*best];
  const auto& [rank, segments] = patterns_[*best];
  for (std::size_t i = 0; i < rank.size(); ++i) {
    if (rank[i] == kLiteral) continue;
    found.parameters[segments[i]] =
        rank[i] == kRest ? path.Rest(i).value() : path.decoded[i].value();
  }
  return found;
}

boost::asio::awaitable<Response> Router::Dispatch(Request request, const Before& before) const {
  auto match = Find(request.method, request.raw_path);
  if (match.route == nullptr && match.allowed.empty()) {
    co_return MakeProblem(404, "not_found", "Nothing is at this path.");
  }
  if (match.route == nullptr) {
    std::string allow;
    for (const auto& method : match.allowed) allow += (allow.empty() ? "" : ", ") + method;
    auto response = MakeProblem(405, "method_not_allowed", "This path takes " + allow + ".");
    response.headers.Set("Allow", allow);
    co_return response;
  }
  request.parameters = std::move(match.parameters);
  if (before) {
    auto answer = co_await before(*match.route, request);
    if (answer) {
      answer->route = match.route->pattern;
      co_return std::move(*answer);
    }
  }
  auto response = co_await match.route->handler(std::move(request));
  response.route = match.route->pattern;
  co_return response;
}

}  // namespace prov::net
