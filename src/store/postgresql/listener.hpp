// Announcements of other panels: the schema's triggers send them with each commit (NOTIFY), and a
// connection of its own waits for them (LISTEN). Each time it begins to listen, something may have
// been missed, which is an announcement too. It begins anew when the connection that writes was
// lost: then nobody knows what that committed, and perhaps all were lost with their server.
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
#include "store/postgresql/writer_session.hpp"

namespace prov::store::postgresql {

// The channel, and how the triggers spell it: "job <id>", "deliver <server>", "servers". Nothing
// for any other text.
inline constexpr const char* kChannel = "provisioning_panel";
std::optional<Announcement> ParseAnnouncement(std::string_view payload);

class Listener final : public Listening {
 public:
  // `link` becomes its own; `writer` outlives it. What the writer's process says was announced by
  // whoever listens, who knows it. `listener` is called on a thread of its own.
  Listener(std::unique_ptr<Link> link, WriterSession& writer, AnnouncementListener listener);
  ~Listener() override;

 private:
  void Run();
  Status Hear(Connection& connection);
  bool Woken(Millis longest) const;

  std::unique_ptr<Link> link_;
  WriterSession& writer_;
  AnnouncementListener listener_;
  UniqueFd wake_;  // an eventfd, readable: it is to end, or to begin anew
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace prov::store::postgresql
