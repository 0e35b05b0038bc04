// From the script's bytes to the log: lines, the ones that speak to the platform, masking, frames.
// Does no reading itself: the runner feeds it. Not thread-safe.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "contract/output_lines.hpp"
#include "exec/log_frames.hpp"
#include "exec/masking.hpp"
#include "job/record.hpp"

namespace prov::exec {

inline constexpr std::size_t kLongestLine = 64 * 1024;  // beyond it, a line is passed on in pieces
inline constexpr std::size_t kMaxOutputValue = 4096;
inline constexpr std::size_t kMaxSensitiveLine = 128 * 1024;
inline constexpr std::size_t kMaxSensitiveValues = 200;  // of an attempt, masked from then on
inline constexpr std::size_t kMaxWarnings = 20;

struct DeclaredOutput {
  std::string name;
  std::string label;
  bool sensitive = false;
};
BOOST_DESCRIBE_STRUCT(DeclaredOutput, (), (name, label, sensitive))

class LogPump {
 public:
  LogPump(LogWriter& log, std::vector<DeclaredOutput> declared,
          const std::vector<std::string>& secrets);

  // Any bytes: no newline, NUL and invalid UTF-8 are passed on as they are. A line is held until
  // its end or kLongestLine. The line of a sensitive output never reaches the log, whatever its
  // length.
  void Feed(Stream stream, std::string_view bytes);
  void End();  // what is held goes out
  void Notice(std::string_view sentence);
  // A warning of the platform's own stands in the log as a script's does, so that whoever follows
  // the log finds both; masked, and no more than kMaxWarnings of them.
  void Warn(std::string_view sentence);

  // Declared and given, the first job::kMostOutputs; sensitive ones without value.
  std::vector<job::Output> Outputs() const;
  const std::map<std::string, std::string>& sensitive_outputs() const { return sensitive_; }

 private:
  struct Side {
    Stream stream;
    Masker masker;
    std::string held;      // an unfinished line, not given to the masker yet
    bool in_long = false;  // the line under way was too long and is passed on in pieces
  };
  void Lines(Side& side, std::string_view block);
  void Line(Side& side, std::string_view line, std::string& text);
  const DeclaredOutput* Declared(std::string_view name) const;
  // Whether it may be kept; where not, the log says why.
  bool MayKeep(const contract::OutputLine& output, std::size_t longest);
  void Hide(const contract::OutputLine& output);
  std::string Masked(std::string_view text);

  LogWriter& log_;
  std::vector<DeclaredOutput> declared_;
  std::array<Side, 2> sides_;
  Masker masker_;  // for texts of their own, which are no part of a stream
  std::size_t hidden_ = 0;
  std::map<std::string, std::string> plain_;
  std::map<std::string, std::string> sensitive_;
  std::size_t warnings_ = 0;  // of the platform's own
};

}  // namespace prov::exec
