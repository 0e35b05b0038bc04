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

Listener::Listener(std::unique_ptr<Link> link, const std::atomic<int>& own,
                   AnnouncementListener listener)
    : link_(std::move(link)),
      own_(own),
      listener_(std::move(listener)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

Listener::~Listener() {
  const std::uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof one);
  thread_.join();
}

// A server that is away is tried for as long as it takes: others say that it is.
void Listener::Run() {
  pollfd stop{stop_.get(), POLLIN, 0};
  for (;;) {
    const auto began = std::chrono::steady_clock::now();
    const auto connection = link_->Get(began);
    if (connection) (void)Hear(**connection);
    // At once, where it was heard for a while; a server that refuses is not asked all the time.
    const bool heard = std::chrono::steady_clock::now() - began > kPause;
    if (poll(&stop, 1, heard ? 0 : static_cast<int>(kPause.count())) > 0) return;
  }
}

// Until the connection is lost, or it is to end.
Status Listener::Hear(Connection& connection) {
  PROV_CHECK(connection.Script(fmt::format("LISTEN {}", kChannel)));
  for (;;) {
    PROV_TRY(const auto notices, connection.WaitForNotices(kSilence, stop_.get()));
    for (const auto& notice : notices) {
      if (notice.process == own_) continue;
      if (const auto announcement = ParseAnnouncement(notice.payload)) listener_(*announcement);
    }
    pollfd stop{stop_.get(), POLLIN, 0};
    if (poll(&stop, 1, 0) > 0) return {};
    if (notices.empty()) PROV_CHECK(connection.Script("SELECT 1"));
  }
}

}  // namespace prov::store::postgresql
