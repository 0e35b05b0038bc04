// F9's readers: many streams of one job, whose script prints the time as "@SECONDS@" in each line.
//
//   bench_readers PANEL-URL CA-FILE JOB READERS
//
// API_TOKEN is in its environment. It says "open" once all of them read, and at the job's end one
// JSON object: how late lines were, over all lines of all readers, and how many lines came.
#include <array>
#include <charconv>
#include <cstdlib>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "net/dial.hpp"
#include "net/task_group.hpp"
#include "net/url.hpp"

namespace {

namespace asio = boost::asio;
using prov::Millis;
using prov::Status;

constexpr std::size_t kOpening = 100;  // at once

[[noreturn]] void Die(const std::string& why) {
  std::cerr << "bench_readers: " << why << "\n";
  std::exit(1);
}

// How many lines were how late, by the millisecond; the last one stands for all that were later.
class Delays {
 public:
  void Add(double milliseconds) {
    const auto at = static_cast<std::size_t>(std::max(0.0, milliseconds));
    ++counts_[std::min(at, counts_.size() - 1)];
    ++lines_;
  }
  // The first millisecond by which this share of them had come.
  std::size_t Percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(lines_));
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < counts_.size(); ++at) {
      seen += counts_[at];
      if (seen > wanted) return at + 1;
    }
    return counts_.size();
  }
  std::uint64_t lines() const { return lines_; }

 private:
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(60'000);
  std::uint64_t lines_ = 0;
};

class Readers {
 public:
  Readers(asio::io_context& io, prov::net::DialTarget target, std::string job, std::size_t count)
      : io_(io),
        target_(std::move(target)),
        job_(std::move(job)),
        count_(count),
        tasks_(io.get_executor(),
               [](std::exception_ptr failure) { std::rethrow_exception(failure); }) {}

  asio::awaitable<void> Run() {
    for (std::size_t begun = 0; begun < count_; ++begun) {
      while (begun - open_ >= kOpening) co_await Sleep();
      tasks_.Spawn(ReadOne());
    }
    while (open_ < count_) co_await Sleep();
    std::cout << "open" << std::endl;
    co_await tasks_.Wait();
    std::cout << fmt::format(R"({{"lines":{},"p50_ms":{},"p99_ms":{},"most_ms":{}}})",
                             delays_.lines(), delays_.Percentile(0.5), delays_.Percentile(0.99),
                             delays_.Percentile(1))
              << std::endl;
    io_.stop();
  }

 private:
  asio::awaitable<void> Sleep() {
    asio::steady_timer timer(io_, Millis{10});
    co_await timer.async_wait(asio::use_awaitable);
  }

  // Reads what comes as it comes, since the clients have the same processors as what is measured:
  // the times are found in it without taking HTTP's chunks apart, whose borders are events' ends.
  asio::awaitable<void> ReadOne() {
    const auto connected = co_await prov::net::Dial(io_.get_executor(), target_);
    if (!connected) Die(connected.error().ToString());
    auto& io = **connected;
    const char* token = std::getenv("API_TOKEN");
    const auto asked = co_await io.WriteAll(
        fmt::format("GET /api/jobs/{}/stream HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n"
                    "Accept: text/event-stream\r\n\r\n",
                    job_, target_.host, token == nullptr ? "" : token));
    if (!asked) Die(asked.error().ToString());
    std::string text;
    bool first = true;
    for (;;) {
      const auto got = co_await io.ReadSome(chunk_);
      if (!got) Die(got.error().ToString());
      if (*got == 0) co_return;
      const std::string_view piece(chunk_.data(), *got);
      if (std::exchange(first, false)) {
        if (!piece.starts_with("HTTP/1.1 200 ")) Die(fmt::format("the panel answered: {}", piece));
        ++open_;
      }
      if (text.empty()) {
        text = piece.substr(TakeTimes(piece));
      } else {
        text += piece;
        text.erase(0, TakeTimes(text));
      }
    }
  }

  // How much of it is done with: the rest begins with a time that is not whole yet.
  std::size_t TakeTimes(std::string_view text) {
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    std::size_t done = 0;
    for (;;) {
      const auto from = text.find('@', done);
      if (from == text.npos) return text.size();
      const auto to = text.find('@', from + 1);
      if (to == text.npos) return from;
      double printed = 0;
      std::from_chars(text.data() + from + 1, text.data() + to, printed);
      delays_.Add((now - printed) * 1000);
      done = to + 1;
    }
  }

  asio::io_context& io_;
  prov::net::DialTarget target_;
  std::string job_;
  std::size_t count_;
  std::size_t open_ = 0;
  Delays delays_;
  std::array<char, 64 * 1024> chunk_;  // used up before another reader has its turn
  prov::net::TaskGroup tasks_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) Die("PANEL-URL CA-FILE JOB READERS");
  asio::io_context io{1};
  const auto url = prov::net::ParseUrl(arguments[1]);
  if (!url) Die(url.error().ToString());
  prov::net::DialTarget target{.host = url->host, .port = url->port};
  if (url->tls) {
    auto context = prov::net::TlsContext::ForClient(arguments[2]);
    if (!context) Die(context.error().ToString());
    target.tls = *context;
  }
  Readers readers(io, std::move(target), arguments[3], std::strtoul(arguments[4], nullptr, 10));
  asio::co_spawn(io, readers.Run(), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
}
