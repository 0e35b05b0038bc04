// Watching jobs as they run.
#pragma once

#include <string>
#include <vector>

#include "cli/api_client.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"

namespace prov::cli {

// Shows the output of these jobs as it comes, until each is over or parked, then how each ended;
// the worst of their exit statuses. Of several, each line is marked with its server.
ExitStatus Follow(ApiClient& api, const Settings& settings, const std::vector<std::string>& jobs);

// The worse of two, for a script that looks at one number.
ExitStatus Worse(ExitStatus a, ExitStatus b);

// One frame of a stream as text for a terminal without colours; pure, for tests.
struct Shown {
  std::string out;    // what the script printed
  std::string notes;  // the platform's own words, for standard error
};

class Watcher {
 public:
  struct Style {
    bool colours = false;
    bool timestamps = false;
    bool bar = false;  // one line of progress that is drawn again and again
  };
  // `label` marks each line; "" for the only job.
  Watcher(Style style, std::string label) : style_(style), label_(std::move(label)) {}

  Shown Take(const boost::json::object& frame);
  const std::string& status() const { return status_; }
  bool over() const;

 private:
  void Line(std::string_view text, std::string_view time, bool err, std::string& out);
  std::string Note(std::string_view text, Colour colour) const;

  Style style_;
  std::string label_;
  std::string status_;
  std::int64_t attempt_ = 0;
  std::string progress_;   // as it was shown last
  std::size_t depth_ = 0;  // of ::group
  bool log_removed_ = false;
};

}  // namespace prov::cli
