// Announcements of other panels: the schema's triggers send them with each commit (NOTIFY), and a
// connection of its own waits for them (LISTEN).
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/files.hpp"
#include "store/announcement.hpp"
#include "store/postgresql/link.hpp"

namespace prov::store::postgresql {

// The channel, and how the triggers spell it: "job <id>", "deliver <server>", "servers". Nothing
// for any other text.
inline constexpr const char* kChannel = "provisioning_panel";
std::optional<Announcement> ParseAnnouncement(std::string_view payload);

class Listener final : public Listening {
 public:
  // `link` becomes its own. What the process of the server `own` says was announced by whoever
  // listens, who knows it. `listener` is called on a thread of its own.
  Listener(std::unique_ptr<Link> link, const std::atomic<int>& own, AnnouncementListener listener);
  ~Listener() override;

 private:
  void Run();
  Status Hear(Connection& connection);

  std::unique_ptr<Link> link_;
  const std::atomic<int>& own_;
  AnnouncementListener listener_;
  UniqueFd stop_;  // readable: it is to end
  std::thread thread_;
};

}  // namespace prov::store::postgresql
