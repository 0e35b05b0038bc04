// HTTP messages as the project's code sees them. No parser's types are in here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "net/body_stream.hpp"

namespace prov::net {

bool EqualsIgnoringCase(std::string_view a, std::string_view b);  // ASCII

// In the order they came; names compare without case.
class Headers {
 public:
  void Add(std::string name, std::string value);
  void Set(std::string name, std::string value);  // replaces every one of that name
  // The first of that name.
  std::optional<std::string_view> Find(std::string_view name) const;
  std::size_t Count(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }
  bool operator==(const Headers&) const = default;

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

struct Request {
  std::string method;                                      // as sent; methods are case-sensitive
  std::string target;                                      // as sent, "/a%20b?x=1"
  std::string raw_path;                                    // "/a%20b"
  std::string path;                                        // decoded, "/a b"
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order; "+" is a space
  Headers headers;
  std::string body;
  std::string peer;  // the peer's address, without the port
  bool tls = false;
  std::map<std::string, std::string> parameters;  // set by the router: {id} -> decoded segment
  // Ends when the client has gone: a long poll awaits `work || request.peer_closed()`.
  std::function<boost::asio::awaitable<void>()> peer_closed;

  std::optional<std::string_view> Query(std::string_view name) const;  // the first of that name
};

// Writes the body into the stream and returns; canceled when the client has gone.
using StreamBody = std::function<boost::asio::awaitable<void>(std::shared_ptr<BodyStream>)>;

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::shared_ptr<const std::string> shared_body;  // used instead of `body`: static files
  StreamBody stream;   // used instead of both; the connection is closed after it
  std::string route;   // set by the router, for logs and metrics: the pattern, not the path
  std::string client;  // for the access log, where it is another than the peer: behind a proxy

  std::string_view Body() const { return shared_body ? *shared_body : body; }
};

using Handler = std::function<boost::asio::awaitable<Response>(Request)>;

// Sets target, raw_path, path and query. kInvalidArgument: not in origin form ("/…"), bad escapes,
// NUL.
Status SetTarget(Request& request, std::string_view target);
// Percent-decoded; kInvalidArgument for a bad escape or an encoded NUL.
Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);
// "Not Found"; "Unknown" for a status this project does not send.
std::string_view StatusReason(int status);
// The status line and headers, with the blank line. Values that could split the response (CR, LF,
// NUL) are left out.
std::string SerializeHead(const Response& response,
                          const std::vector<std::pair<std::string, std::string>>& framing);

}  // namespace prov::net
