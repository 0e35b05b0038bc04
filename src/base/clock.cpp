#include "base/clock.hpp"

#include <fmt/format.h>

namespace prov {

WallTime SystemClock::Now() const {
  return std::chrono::floor<Millis>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::Steady() const { return std::chrono::steady_clock::now(); }

namespace {

// Faster than fmt, which matters: it is in every line that is logged, and in every job many times.
void PutDigits(std::string& text, std::size_t position, std::size_t width, std::int64_t value) {
  for (std::size_t i = position + width; i-- > position; value /= 10)
    text[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::string FormatTime(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::string text = "0000-00-00T00:00:00.000Z";
  PutDigits(text, 0, 4, static_cast<int>(date.year()));
  PutDigits(text, 5, 2, static_cast<unsigned>(date.month()));
  PutDigits(text, 8, 2, static_cast<unsigned>(date.day()));
  PutDigits(text, 11, 2, clock.hours().count());
  PutDigits(text, 14, 2, clock.minutes().count());
  PutDigits(text, 17, 2, clock.seconds().count());
  PutDigits(text, 20, 3, clock.subseconds().count());
  return text;
}

namespace {

// Reads `width` digits at `position`; -1 when they are not all digits.
int Digits(std::string_view text, std::size_t position, std::size_t width) {
  int value = 0;
  for (std::size_t i = position; i < position + width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

Error NotATime(std::string_view text) {
  return {
      ErrorCode::kInvalidArgument,
      fmt::format("`{}` is not a time; write it as 2026-11-24T00:23:58.120Z", text.substr(0, 64)),
      {}};
}

}  // namespace

Result<WallTime> ParseTime(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() != 20 && text.size() != 24) return NotATime(text);
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != 'd' && text[i] != kShape[i]) return NotATime(text);
  }
  if (text.back() != 'Z' || (text.size() == 24 && text[19] != '.')) return NotATime(text);
  const int year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2), minute = Digits(text, 14, 2), second = Digits(text, 17, 2);
  const int millis = text.size() == 24 ? Digits(text, 20, 3) : 0;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month(month),
                                         std::chrono::day(day)};
  if (year < 1970 || month < 1 || day < 1 || !date.ok() || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 59 || millis < 0) {
    return NotATime(text);
  }
  return WallTime{std::chrono::sys_days{date} + std::chrono::hours{hour} +
                  std::chrono::minutes{minute} + Seconds{second} + Millis{millis}};
}

}  // namespace prov
