#include "panel/live/job_updates.hpp"

#include <exception>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "store/database.hpp"
#include "transport/redis/keys.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMostChanged = 100'000;
constexpr std::size_t kAtOnce = 200;

std::string UpdateOf(const job::Record& record, std::uint64_t seq) {
  boost::json::object update{{"status", json::EnumName(record.status)},
                             {"progress", nullptr},
                             {"message", nullptr},
                             {"seq", seq}};
  if (record.progress) update["progress"] = *record.progress;
  if (record.message) update["message"] = *record.message;
  return json::Serialize(update);
}

using Messages = std::vector<std::pair<std::string, std::string>>;

Result<Messages> UpdatesOf(store::Transaction& t, const std::vector<Uuid>& jobs) {
  Messages messages;
  for (const auto& id : jobs) {
    const auto record = t.jobs().Get(kPanel, id);
    if (!record && record.error().code == ErrorCode::kNotFound) continue;
    if (!record) return record.error();
    PROV_TRY(const auto seq, t.changes().Newest(kPanel, id));
    messages.emplace_back(transport::redis::UpdatesChannel(id), UpdateOf(*record, seq));
  }
  return messages;
}

}  // namespace

JobUpdates::JobUpdates(asio::any_io_executor executor, StoreGate& store, LiveHub& hub,
                       transport::redis::PanelEnd& redis, Logger& logger)
    : store_(store),
      redis_(redis),
      wake_(executor),
      subscription_(hub.Subscribe(
          [this](const LiveHub::Notice& notice) {
            if (notice.about != LiveHub::Notice::About::kJob || changed_.size() >= kMostChanged)
              return;
            changed_.insert(notice.job);
            wake_.Notify();
          },
          /*own_only=*/true)),
      tasks_(executor, [&logger](std::exception_ptr failure) {
        try {
          std::rethrow_exception(failure);
        } catch (const std::exception& error) {
          logger.Error("live_failed", {{"reason", error.what()}});
        }
      }) {}

void JobUpdates::Start() { tasks_.Spawn(Run()); }

asio::awaitable<void> JobUpdates::Stop() {
  tasks_.Close();
  tasks_.CancelAll();
  co_await tasks_.Wait();
}

asio::awaitable<void> JobUpdates::Run() {
  for (;;) {
    while (changed_.empty()) co_await wake_.Wait();
    std::vector<Uuid> jobs;
    while (!changed_.empty() && jobs.size() < kAtOnce)
      jobs.push_back(changed_.extract(changed_.begin()).value());
    auto messages =
        co_await store_.Read([jobs](store::Transaction& t) { return UpdatesOf(t, jobs); });
    // Whoever listens is promised nothing.
    if (messages) (void)co_await redis_.Publish(std::move(*messages));
  }
}

}  // namespace prov::panel
