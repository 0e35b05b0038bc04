// F9's readers: many streams of one job, whose script prints the time as "@SECONDS@" in each line.
//
//   bench_readers PANEL-URL CA-FILE JOB READERS
//
// API_TOKEN is in its environment. It says "open" once all of them read, and at the job's end one
// JSON object: how late lines were, over all lines of all readers, and how many lines came.
#include <cstdlib>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "net/http_client.hpp"
#include "net/task_group.hpp"

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
  Readers(asio::io_context& io, prov::net::HttpClient& client, std::string job, std::size_t count)
      : io_(io),
        client_(client),
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

  asio::awaitable<void> ReadOne() {
    prov::net::ClientRequest request;
    request.target = "/api/jobs/" + job_ + "/stream";
    const char* token = std::getenv("API_TOKEN");
    request.headers.Set("Authorization", std::string("Bearer ") + (token == nullptr ? "" : token));
    request.headers.Set("Accept", "text/event-stream");
    auto stream = co_await client_.Open(std::move(request));
    if (!stream) Die(stream.error().ToString());
    if ((*stream)->status() != 200) Die(fmt::format("the panel answered {}", (*stream)->status()));
    bool first = true;
    std::string text;
    for (;;) {
      auto piece = co_await (*stream)->Read();
      if (!piece) Die(piece.error().ToString());
      if (std::exchange(first, false)) ++open_;
      if (piece->empty()) co_return;
      text += *piece;
      TakeTimes(text);
    }
  }

  // Leaves what is not whole yet.
  void TakeTimes(std::string& text) {
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    std::size_t done = 0;
    for (;;) {
      const auto from = text.find('@', done);
      if (from == text.npos) {
        done = text.size();
        break;
      }
      const auto to = text.find('@', from + 1);
      done = from;
      if (to == text.npos) break;
      delays_.Add((now - std::strtod(text.c_str() + from + 1, nullptr)) * 1000);
      done = to + 1;
    }
    text.erase(0, done);
  }

  asio::io_context& io_;
  prov::net::HttpClient& client_;
  std::string job_;
  std::size_t count_;
  std::size_t open_ = 0;
  Delays delays_;
  prov::net::TaskGroup tasks_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) Die("PANEL-URL CA-FILE JOB READERS");
  asio::io_context io{1};
  prov::net::ClientOptions options;
  options.origin = arguments[1];
  options.ca_file = arguments[2];
  const auto client = prov::net::HttpClient::Create(io.get_executor(), std::move(options));
  if (!client) Die(client.error().ToString());
  Readers readers(io, **client, arguments[3], std::strtoul(arguments[4], nullptr, 10));
  asio::co_spawn(io, readers.Run(), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
}
