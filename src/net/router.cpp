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

// Smaller is more literal: compared segment by segment from the left.
std::string Rank(std::string_view pattern) {
  std::string rank;
  for (const auto segment : Segments(pattern)) {
    rank += IsRest(segment) ? '2' : IsParameter(segment) ? '1' : '0';
  }
  return rank;
}

bool Matches(std::string_view pattern, std::string_view path,
             std::map<std::string, std::string>& parameters) {
  const auto wanted = Segments(pattern);
  const auto given = Segments(path);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i >= given.size()) return false;
    const auto name = IsParameter(wanted[i]) ? wanted[i].substr(1, wanted[i].size() - 2) : "";
    if (IsRest(wanted[i])) {
      const auto rest = path.substr(static_cast<std::size_t>(given[i].data() - path.data()));
      auto decoded = PercentDecode(rest, false);
      if (!decoded) return false;
      parameters[std::string(name.substr(0, name.size() - 3))] = *decoded;
      return true;
    }
    auto decoded = PercentDecode(given[i], false);
    if (!decoded) return false;
    if (!name.empty()) {
      if (decoded->empty()) return false;
      parameters[std::string(name)] = *decoded;
    } else if (*decoded != wanted[i]) {
      return false;
    }
  }
  return wanted.size() == given.size();
}

std::string Shape(std::string_view pattern) {
  std::string shape;
  for (const auto segment : Segments(pattern)) {
    shape += '/';
    shape += IsRest(segment) ? "{...}" : IsParameter(segment) ? "{}" : segment;
  }
  return shape;
}

}  // namespace

void Router::Add(Route route) {
  if (!route.pattern.starts_with('/') || route.scope.empty() || !route.handler ||
      route.method.empty()) {
    throw std::logic_error("the route " + route.method + " " + route.pattern +
                           " needs a method, a path, a scope and a handler");
  }
  for (const auto& other : routes_) {
    if (other.method == route.method && Shape(other.pattern) == Shape(route.pattern)) {
      throw std::logic_error("the route " + route.method + " " + route.pattern + " exists twice");
    }
  }
  routes_.push_back(std::move(route));
}

Router::Match Router::Find(std::string_view method, std::string_view raw_path) const {
  Match best;
  std::string best_rank;
  std::set<std::string> allowed;
  for (const auto& route : routes_) {
    std::map<std::string, std::string> parameters;
    if (!Matches(route.pattern, raw_path, parameters)) continue;
    allowed.insert(route.method);
    if (route.method == "GET") allowed.insert("HEAD");
    if (route.method != method && !(method == "HEAD" && route.method == "GET")) continue;
    auto rank = Rank(route.pattern);
    if (best.route != nullptr && rank >= best_rank) continue;
    best.route = &route;
    best.parameters = std::move(parameters);
    best_rank = std::move(rank);
  }
  if (best.route == nullptr) best.allowed.assign(allowed.begin(), allowed.end());
  return best;
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
