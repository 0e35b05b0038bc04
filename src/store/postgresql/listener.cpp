#include "store/postgresql/listener.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>

namespace prov::store::postgresql {
namespace {

// After which the connection is made sure of.
constexpr Millis kSilence{15'000};
constexpr Millis kPause{1000};  // between attempts to connect

}  // namespace

std::optional<Announcement> ParseAnnouncement(std::string_view payload) {
  const auto space = payload.find(' ');
  const auto word = payload.substr(0, space);
  const auto what = space == payload.npos ? std::string_view() : payload.substr(space + 1);
  if (word == "servers" && what.empty()) return Announcement{};
  if (word == "deliver" && !what.empty())
    return Announcement{Announcement::Kind::kDelivery, {}, std::string(what)};
  if (word != "job") return std::nullopt;
  const auto job = Uuid::Parse(what);
  if (!job) return std::nullopt;
  return Announcement{Announcement::Kind::kJob, *job, {}};
}

Listener::Listener(std::unique_ptr<Link> link, WriterSession& writer, AnnouncementListener listener)
    : link_(std::move(link)),
      writer_(writer),
      listener_(std::move(listener)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  writer_.Watch(wake_.get());
  thread_ = std::thread([this] { Run(); });
}

Listener::~Listener() {
  writer_.Unwatch(wake_.get());
  ending_ = true;
  const std::uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
  thread_.join();
}

bool Listener::Woken(Millis longest) const {
  pollfd wake{wake_.get(), POLLIN, 0};
  return poll(&wake, 1, static_cast<int>(longest.count())) > 0;
}

// A server that is away is tried for as long as it takes: others say that it is.
void Listener::Run() {
  while (!ending_) {
    // Whatever woke it before the connection is made is answered by making it.
    std::uint64_t wakes = 0;
    (void)!read(wake_.get(), &wakes, sizeof wakes);
    if (ending_) return;
    const auto began = std::chrono::steady_clock::now();
    const auto connection = link_->Get(began);
    if (connection) (void)Hear(**connection);
    link_->Drop();
    // At once, where it was heard for a while; a server that refuses is not asked all the time.
    const bool heard = std::chrono::steady_clock::now() - began > kPause;
    if (!heard) (void)Woken(kPause);
  }
}

// Until the connection is lost, or it is woken.
Status Listener::Hear(Connection& connection) {
  // It may be another server than that of the process, until the next write tells which that is.
  writer_.Forget();
  PROV_CHECK(connection.Script(fmt::format("LISTEN {}", kChannel)));
  listener_({.kind = Announcement::Kind::kAnything});
  while (!Woken(Millis{0})) {
    PROV_TRY(const auto notices, connection.WaitForNotices(kSilence, wake_.get()));
    for (const auto& notice : notices) {
      if (notice.process == writer_.process()) continue;
      if (const auto announcement = ParseAnnouncement(notice.payload)) listener_(*announcement);
    }
    if (notices.empty() && !Woken(Millis{0})) PROV_CHECK(connection.Script("SELECT 1"));
  }
  return {};
}

}  // namespace prov::store::postgresql
