// The clients of the benchmarks, cheap enough not to be what is measured. Requests are files of raw
// bytes, told by path; what was seen is one JSON object on standard output.
//
//   bench_load requests PORT CLIENTS COUNT STATUS FILE   COUNT answers to FILE over CLIENTS
//       keep-alive connections, each its next request once the last was answered
//   bench_load stream PORT FILE                          reads a job's stream to its end
#include <csignal>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/files.hpp"

namespace {

using prov::Result;
using prov::UniqueFd;
using Monotonic = std::chrono::steady_clock;

[[noreturn]] void Die(const std::string& why) {
  fmt::print(stderr, "bench_load: {}\n", why);
  std::exit(1);
}

UniqueFd Connect(int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    Die(fmt::format("cannot connect to port {}: {}", port, std::strerror(errno)));
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void Send(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) Die(std::string("cannot send: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// The size of the whole answer at the start of `bytes`, or 0 while it has not come whole.
std::size_t AnswerSize(std::string_view bytes) {
  const auto head = bytes.find("\r\n\r\n");
  if (head == bytes.npos) return 0;
  constexpr std::string_view kLength = "\r\ncontent-length:";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  const auto* found =
      std::search(bytes.begin(), bytes.begin() + head, kLength.begin(), kLength.end(), same);
  if (found == bytes.begin() + head) Die("an answer without Content-Length");
  const auto length = std::strtoull(found + kLength.size(), nullptr, 10);
  return bytes.size() >= head + 4 + length ? head + 4 + length : 0;
}

struct Client {
  UniqueFd fd;
  std::string got;
  Monotonic::time_point sent;
};

struct Seen {
  std::vector<double> microseconds;
  std::size_t bytes = 0;  // of the last answer
};

// Takes what came for `client`; true once its answer is whole.
bool Receive(Client& client, const std::string& status, Seen& seen) {
  char buffer[64 * 1024];
  const auto got = recv(client.fd.get(), buffer, sizeof buffer, 0);
  if (got <= 0) Die("the server closed a connection");
  client.got.append(buffer, static_cast<std::size_t>(got));
  const auto size = AnswerSize(client.got);
  if (size == 0) return false;
  if (std::string_view(client.got).substr(9, 3) != status) Die("not the answer: " + client.got);
  seen.bytes = size;
  seen.microseconds.push_back(
      std::chrono::duration<double, std::micro>(Monotonic::now() - client.sent).count());
  client.got.clear();
  return true;
}

void Requests(int port, std::size_t clients, std::size_t count, const std::string& status,
              const std::string& request) {
  std::vector<Client> all(std::min(clients, count));
  const UniqueFd poll(epoll_create1(EPOLL_CLOEXEC));
  for (auto& client : all) {
    client.fd = Connect(port);
    epoll_event event{EPOLLIN, {.ptr = &client}};
    epoll_ctl(poll.get(), EPOLL_CTL_ADD, client.fd.get(), &event);
  }
  Seen seen;
  seen.microseconds.reserve(count);
  std::size_t sent = 0;
  const auto ask = [&](Client& client) {
    if (sent++ >= count) return;
    client.sent = Monotonic::now();
    Send(client.fd.get(), request);
  };
  const auto began = Monotonic::now();
  for (auto& client : all) ask(client);
  while (seen.microseconds.size() < count) {
    epoll_event events[64];
    const int ready = epoll_wait(poll.get(), events, 64, 30'000);
    if (ready <= 0) Die("no answer in 30 s");
    for (int i = 0; i < ready; ++i) {
      auto& client = *static_cast<Client*>(events[i].data.ptr);
      if (Receive(client, status, seen)) ask(client);
    }
  }
  const auto seconds = std::chrono::duration<double>(Monotonic::now() - began).count();
  auto& times = seen.microseconds;
  std::ranges::sort(times);
  fmt::print(R"({{"requests":{},"seconds":{:.6f},"p50_us":{:.1f},"p99_us":{:.1f},"bytes":{}}})",
             count, seconds, times[times.size() / 2], times[times.size() * 99 / 100], seen.bytes);
}

// Takes the chunks of a body apart; Text() is what came since it was asked last.
class Chunks {
 public:
  void Feed(std::string_view bytes) {
    raw_.append(bytes);
    std::size_t at = 0;
    while (!ended_) {
      const auto line = raw_.find("\r\n", at);
      if (line == raw_.npos) break;
      const auto size = std::strtoull(raw_.c_str() + at, nullptr, 16);
      if (raw_.size() < line + 2 + size + 2) break;
      ended_ = size == 0;
      text_.append(raw_, line + 2, size);
      at = line + 2 + size + 2;
    }
    raw_.erase(0, at);
  }
  bool ended() const { return ended_; }
  std::string Text() { return std::exchange(text_, {}); }

 private:
  std::string raw_;
  std::string text_;
  bool ended_ = false;
};

void Stream(int port, const std::string& request) {
  const auto fd = Connect(port);
  Send(fd.get(), request);
  std::string head;
  std::vector<char> buffer(256 * 1024);
  const auto more = [&] {
    const auto got = recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) Die("the stream was cut off");
    return std::string_view(buffer.data(), static_cast<std::size_t>(got));
  };
  while (head.find("\r\n\r\n") == head.npos) head += more();
  if (!head.starts_with("HTTP/1.1 200")) Die("not a stream: " + head);
  Chunks chunks;
  chunks.Feed(std::string_view(head).substr(head.find("\r\n\r\n") + 4));
  // Within a string of JSON a quotation mark is escaped, so this is a line's number and nothing
  // else.
  constexpr std::string_view kLine = R"({"n":)";
  std::string text;
  std::size_t lines = 0;
  for (;;) {
    text += chunks.Text();
    for (auto at = text.find(kLine); at != text.npos; at = text.find(kLine, at + 1)) ++lines;
    text.erase(0, text.size() - std::min(text.size(), kLine.size() - 1));
    if (chunks.ended()) break;
    chunks.Feed(more());
  }
  const auto now = std::chrono::duration<double>(Monotonic::now().time_since_epoch()).count();
  fmt::print(R"({{"lines":{},"ended_at":{:.6f}}})", lines, now);
}

std::string Request(const char* path) {
  auto read = prov::ReadFile(path, 1 << 20);
  if (!read) Die(read.error().ToString());
  return std::move(*read);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  if (what == "requests" && count == 7) {
    Requests(std::atoi(arguments[2]), std::strtoul(arguments[3], nullptr, 10),
             std::strtoul(arguments[4], nullptr, 10), arguments[5], Request(arguments[6]));
  } else if (what == "stream" && count == 4) {
    Stream(std::atoi(arguments[2]), Request(arguments[3]));
  } else {
    Die("requests PORT CLIENTS COUNT STATUS FILE, or stream PORT FILE");
  }
}
