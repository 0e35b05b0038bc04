// From the script's bytes to the log: lines, the ones that speak to the platform, masking, frames.
// Does no reading itself: the runner feeds it. Not thread-safe.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exec/log_frames.hpp"
#include "exec/masking.hpp"
#include "job/record.hpp"

namespace prov::exec {

inline constexpr std::size_t kLongestLine = 64 * 1024;  // beyond it, a line is passed on in pieces
inline constexpr std::size_t kMaxOutputValue = 4096;
inline constexpr std::size_t kMaxWarnings = 20;

struct DeclaredOutput {
  std::string name;
  std::string label;
  bool sensitive = false;
};

class LogPump {
 public:
  LogPump(LogWriter& log, std::vector<DeclaredOutput> declared,
          const std::vector<std::string>& secrets);

  // Any bytes: no newline, NUL and invalid UTF-8 are passed on as they are. A line is held until
  // its end or kLongestLine. The line of a sensitive output never reaches the log.
  void Feed(Stream stream, std::string_view bytes);
  void End();  // what is held goes out
  void Notice(std::string_view sentence);

  std::vector<job::Output> Outputs() const;  // declared and given; sensitive ones without value
  const std::map<std::string, std::string>& sensitive_outputs() const { return sensitive_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Side {
    Stream stream;
    Masker masker;
    std::string held;      // an unfinished line, not given to the masker yet
    bool in_long = false;  // the line under way was too long and is passed on in pieces
  };
  void Lines(Side& side, std::string_view block);
  void Line(Side& side, std::string_view line, std::string& text);
  void Warn(std::string text);
  std::string Masked(std::string_view text) const;

  LogWriter& log_;
  std::vector<DeclaredOutput> declared_;
  std::array<Side, 2> sides_;
  std::map<std::string, std::string> plain_;
  std::map<std::string, std::string> sensitive_;
  std::vector<std::string> warnings_;
};

}  // namespace prov::exec
