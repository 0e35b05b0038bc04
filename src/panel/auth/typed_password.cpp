#include "panel/auth/typed_password.hpp"

#include <cstdio>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "base/files.hpp"

namespace prov::panel {
namespace {

constexpr std::size_t kMostBytes = 4096;

// Up to the end of the line, byte by byte: what follows is not ours.
Result<std::string> ReadLine(int fd) {
  std::string line;
  for (char c = 0; line.size() < kMostBytes;) {
    const auto got = read(fd, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError("reading the password");
    if (got == 0 || c == '\n') return line;
    line += c;
  }
  return Error{ErrorCode::kTooLarge, "the password is too long", {}};
}

class NoEcho {
 public:
  explicit NoEcho(int fd) : fd_(fd) {
    tcgetattr(fd_, &before_);
    auto quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  ~NoEcho() { tcsetattr(fd_, TCSAFLUSH, &before_); }
  NoEcho(const NoEcho&) = delete;

 private:
  int fd_;
  termios before_{};
};

Result<std::string> Ask(int terminal, std::string_view prompt) {
  if (write(terminal, prompt.data(), prompt.size()) < 0) return ErrnoError("asking");
  const NoEcho quiet(terminal);
  auto line = ReadLine(terminal);
  (void)!write(terminal, "\n", 1);
  return line;
}

}  // namespace

Result<std::string> TypedPassword(const std::string& file) {
  if (file == "-") return ReadLine(STDIN_FILENO);
  if (!file.empty()) {
    const UniqueFd fd{open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) return ErrnoError("opening " + file);
    return ReadLine(fd.get());
  }
  const UniqueFd terminal{open("/dev/tty", O_RDWR | O_CLOEXEC)};
  if (!terminal)
    return Error{ErrorCode::kInvalidArgument, "there is no terminal: give --password-file", {}};
  PROV_TRY(auto first, Ask(terminal.get(), "Password: "));
  PROV_TRY(const auto second, Ask(terminal.get(), "Once more: "));
  if (first != second) return Error{ErrorCode::kInvalidArgument, "the two passwords differ", {}};
  return first;
}

}  // namespace prov::panel
