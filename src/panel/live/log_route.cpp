#include "panel/live/log_route.hpp"

#include <iterator>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>

#include "base/json.hpp"
#include "panel/answers.hpp"
#include "panel/live/log_lines.hpp"
#include "panel/live/parameters.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kPageChunks = 16;          // at most 16 times 192 KiB, compressed
constexpr std::size_t kSmallBody = 1024 * 1024;  // bytes; answered in one piece
constexpr std::uint64_t kJsonLines = 1000;       // where no limit is given

struct Page {
  job::Record record;
  std::uint32_t attempt = 0;  // 0: no attempt has started
  std::vector<store::LogChunk> chunks;
  bool last = false;  // nothing is behind these chunks now
};

Result<Page> ReadPage(store::Transaction& t, const store::Actor& actor, const Uuid& job,
                      std::optional<std::uint32_t> attempt, std::uint64_t from) {
  Page page;
  PROV_TRY(page.record, t.jobs().Get(actor, job));
  if (page.record.log_removed_at) return page;
  page.attempt = attempt.value_or(page.record.attempt);
  if (page.attempt > page.record.attempt) {
    return Error{ErrorCode::kNotFound,
                 "attempt " + std::to_string(page.attempt) + " of this job has not started."};
  }
  if (page.attempt > 0) {
    PROV_TRY(page.chunks, t.changes().Log(actor, job, page.attempt, from, kPageChunks));
  }
  page.last = page.chunks.size() < kPageChunks;
  return page;
}

// Lines of one stream whose numbers follow one another, as columns. Of what a long log costs its
// reader most is its bytes: 40 characters are 120 as an object of their own, and 43 here.
class Run {
 public:
  bool Continues(const ShownLine& line) const {
    return lines_ == 0 || (line.n == first_ + lines_ && line.error == error_);
  }

  void Add(const ShownLine& line) {
    if (lines_++ == 0) {
      first_ = line.n;
      error_ = line.error;
      stream_ = StreamName(line);
    } else {
      times_.push_back(',');
      texts_.push_back('\n');
    }
    fmt::format_to(std::back_inserter(times_), "{}", (line.time - time_).count());
    time_ = line.time;
    texts_ += line.text;
  }

  bool empty() const { return lines_ == 0; }

  void AppendTo(std::string& out) const {
    fmt::format_to(std::back_inserter(out), R"({{"n":{},"s":"{}","t":[{}],"text":)", first_,
                   stream_, times_);
    json::AppendString(out, texts_);
    out.push_back('}');
  }

 private:
  std::uint64_t first_ = 0;
  std::uint64_t lines_ = 0;
  bool error_ = false;
  std::string_view stream_;
  WallTime time_{};    // of the last line
  std::string times_;  // milliseconds since 1970, then since the line before; separated by commas
  std::string texts_;  // separated by newlines, which no line has
};

// Writes the answer's body from pages, in order.
class LogWriter {
 public:
  LogWriter(const Page& first, const LogQuery& query)
      : form_(query.form), attempt_(first.attempt), next_(query.from) {
    left_ = query.limit.value_or(form_ == LogForm::kText ? std::numeric_limits<std::uint64_t>::max()
                                                         : kJsonLines);
    // Earlier attempts' events came before those of this one, without a gap.
    const bool earlier = attempt_ < first.record.attempt;
    over_ = earlier || !job::IsActive(first.record.status);
    const auto& log = first.record.log;
    complete_ = over_ && (earlier || (log.complete && log.dropped_bytes == 0));
    dropped_bytes_ = earlier ? 0 : log.dropped_bytes;
  }

  std::string Begin() const {
    if (form_ == LogForm::kText) return "";
    if (form_ == LogForm::kLines) return R"({"lines":[)";
    return fmt::format(R"({{"attempt":{},"runs":[)", attempt_);
  }

  std::string Write(const store::LogChunk& chunk) {
    std::string out;
    const auto behind = chunk.first_line + chunk.line_count;
    if (behind <= next_) return out;
    ShownLineReader lines(chunk);
    Run run;
    while (const auto line = lines.Next()) {
      if (line->n < next_) continue;
      if (left_ == 0) {
        more_ = true;
        break;
      }
      --left_;
      last_ = line->n;
      if (form_ == LogForm::kText) {
        AppendText(out, *line);
      } else if (form_ == LogForm::kLines) {
        AppendJson(out, *line);
      } else {
        if (!run.Continues(*line)) AppendRun(out, std::exchange(run, {}));
        run.Add(*line);
      }
    }
    AppendRun(out, run);
    if (!more_) next_ = behind;
    return out;
  }

  std::string End() const {
    if (form_ == LogForm::kText) return "";
    boost::json::object end{
        {"next", nullptr}, {"complete", complete_}, {"dropped_bytes", dropped_bytes_}};
    if (more_ || !over_) end["next"] = last_ > 0 ? last_ + 1 : next_;
    return "]," + json::Serialize(end).substr(1);
  }

  // One line more than asked for was seen, so the answer knows whether more follow.
  bool Done() const { return more_; }
  std::uint64_t next() const { return next_; }
  std::uint32_t attempt() const { return attempt_; }
  std::string_view content_type() const {
    return form_ == LogForm::kText ? "text/plain; charset=utf-8" : "application/json";
  }

 private:
  // A long line comes in pieces, which are one line here as they were when printed.
  void AppendText(std::string& out, const ShownLine& line) {
    if (open_ && *open_ != line.error) out.push_back('\n');
    out += line.text;
    open_.reset();
    if (line.ended) {
      out.push_back('\n');
    } else {
      open_ = line.error;
    }
  }

  void AppendJson(std::string& out, const ShownLine& line) {
    if (std::exchange(any_, true)) out.push_back(',');
    out += json::Serialize(boost::json::object{{"n", line.n},
                                               {"attempt", attempt_},
                                               {"t", FormatTime(line.time)},
                                               {"s", StreamName(line)},
                                               {"text", line.text}});
  }

  void AppendRun(std::string& out, const Run& run) {
    if (run.empty()) return;
    if (std::exchange(any_, true)) out.push_back(',');
    run.AppendTo(out);
  }

  LogForm form_;
  std::uint32_t attempt_;
  std::uint64_t next_;      // the first line not written
  std::uint64_t left_ = 0;  // lines that may still be written
  std::uint64_t last_ = 0;  // the last one written
  bool more_ = false;
  bool over_ = false;
  bool complete_ = false;
  std::uint64_t dropped_bytes_ = 0;
  bool any_ = false;
  std::optional<bool> open_;  // the stream whose line has not ended
};

struct LogReader {
  std::shared_ptr<const LiveDependencies> dependencies;
  store::Actor actor;
  Uuid job;
  LogWriter writer;
  Page page;
  std::size_t next_chunk = 0;  // of the page
  std::string body;            // written, not sent yet

  // Writes what the page holds while the body is small; true when the body is whole.
  bool WritePage() {
    while (next_chunk < page.chunks.size() && !writer.Done() && body.size() <= kSmallBody)
      body += writer.Write(page.chunks[next_chunk++]);
    if (!writer.Done() && (next_chunk < page.chunks.size() || !page.last)) return false;
    body += writer.End();
    return true;
  }

  asio::awaitable<Status> NextPage() {
    const auto from = writer.next();
    PROV_CO_TRY(page,
                co_await dependencies->store.Read(
                    [actor = actor, job = job, attempt = writer.attempt(), from](
                        store::Transaction& t) { return ReadPage(t, actor, job, attempt, from); }));
    next_chunk = 0;
    if (page.record.log_removed_at)
      co_return Error{ErrorCode::kNotFound, "the log was removed while it was read."};
    co_return Status{};
  }

  // Throws when the store fails: the body is then cut without its last chunk, and the client sees
  // that it is not whole.
  asio::awaitable<void> Run(std::shared_ptr<net::BodyStream> to) {
    while (true) {
      const bool whole = WritePage();
      if (!co_await to->Send(std::exchange(body, {})) || whole) co_return;
      if (next_chunk < page.chunks.size()) continue;
      const auto read = co_await NextPage();
      if (!read) throw std::runtime_error("reading a log: " + read.error().ToString());
    }
  }
};

net::Response MakeRemoved(const job::Record& record) {
  return net::MakeProblem(
      410, "log_removed",
      fmt::format("The log of this job was removed at {}, since it was older than keep_logs_days "
                  "allows. The job, its result and its outputs are kept.",
                  FormatTime(*record.log_removed_at)));
}

}  // namespace

net::Response MakeFailure(const LiveDependencies& dependencies, const Error& error) {
  auto problem = net::ToProblem(error);
  if (problem.status >= 500 && dependencies.on_error) dependencies.on_error(error);
  return net::MakeProblem(problem);
}

asio::awaitable<net::Response> GetLog(std::shared_ptr<const LiveDependencies> dependencies,
                                      net::Request request) {
  const auto job = Uuid::Parse(request.parameters["id"]);
  if (!job) co_return NoSuch("job");
  std::vector<net::FieldError> faults;
  const auto query = ReadLogQuery(request, faults);
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  const auto actor = dependencies->caller(request);
  auto page = co_await dependencies->store.Read([actor, id = *job, query](store::Transaction& t) {
    return ReadPage(t, actor, id, query.attempt, query.from);
  });
  if (!page) co_return MakeFailure(*dependencies, page.error());
  if (page->record.log_removed_at) co_return MakeRemoved(page->record);
  LogWriter writer(*page, query);
  const auto reader = std::make_shared<LogReader>(
      LogReader{dependencies, actor, *job, writer, std::move(*page), 0, {}});
  net::Response response;
  response.headers.Set("Content-Type", std::string(reader->writer.content_type()));
  response.headers.Set("Cache-Control", "no-store");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  reader->body = reader->writer.Begin();
  if (reader->WritePage()) {
    response.body = std::move(reader->body);
    co_return response;
  }
  response.stream = [reader](std::shared_ptr<net::BodyStream> to) {
    return reader->Run(std::move(to));
  };
  co_return response;
}

}  // namespace prov::panel
