// Many streams of one job, as one: those that have told all there was are handed what comes next,
// read once and written to each at once, without a coroutine being woken for each of them.
//
// Single-threaded: every call is made on the panel's io thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/intrusive/list.hpp>

#include "net/task_group.hpp"
#include "panel/live/live_hub.hpp"
#include "panel/live/live_streams.hpp"
#include "panel/live/shared_pages.hpp"

namespace prov::panel {

class JobFeeds;

// Of one job, for those who may see the same of it. Made by JobFeeds; whoever is fed keeps it.
class JobFeed final : public std::enable_shared_from_this<JobFeed>, private Beat::Sleeper {
 public:
  // Who is fed. It may leave at any time (unlink), and does so when it ends.
  class Reader : public boost::intrusive::list_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    // What follows where it stands. False: it was not told to its end, and the reader is not fed
    // any more.
    virtual bool Take(const StreamPage& page) = 0;
    // The job could not be read. It is not fed any more: it reads for itself, and says what is
    // wrong.
    virtual void Abandon() = 0;

   protected:
    ~Reader() = default;
  };
  struct Key {
    store::Actor actor;
    Uuid job;
    bool named = false;  // the frames say which job is meant
    bool operator==(const Key&) const = default;
  };
  // What was heard of the job.
  struct Heard {
    std::uint64_t notices = 0;
    std::chrono::steady_clock::time_point last{};  // of them
  };

  JobFeed(JobFeeds& feeds, Key key);
  ~JobFeed();

  const Heard& heard() const { return heard_; }
  // From now on feeds a reader that stands at `at`: it knows all that was to be read when `knows`
  // was heard.
  void Join(Reader& reader, const StreamPosition& at, const Heard& knows);
  // The job may have changed, and nobody was told.
  void LookAgain();
  const Key& key() const { return key_; }

 private:
  using Readers = boost::intrusive::list<Reader, boost::intrusive::constant_time_size<false>>;

  void Notice();
  void Wake() override;  // at the next moment after that
  boost::asio::awaitable<void> TellAll();
  void TellSome(Readers& from, const StreamPage& page);  // they then stand at its end
  boost::asio::awaitable<void> GiveWay(std::chrono::steady_clock::duration worked);
  void Abandon();
  static boost::asio::awaitable<void> Run(std::shared_ptr<JobFeed> self);

  JobFeeds& feeds_;
  const Key key_;
  std::map<StreamPosition, Readers> places_;
  Heard heard_;
  std::chrono::steady_clock::time_point looked_{};
  bool asked_ = false;    // for a moment, which has not come yet
  bool due_ = false;      // it came: there may be something to tell
  bool telling_ = false;  // Run is under way
  LiveHub::Subscription subscription_;
};

class JobFeeds {
 public:
  // All outlive it, and it outlives the streams.
  JobFeeds(boost::asio::any_io_executor executor, StoreGate& store, LiveHub& hub,
           const LiveLimits& limits, net::TaskGroup::OnFailure on_failure);

  std::shared_ptr<JobFeed> Of(const JobFeed::Key& key);
  SharedPages& pages() { return pages_; }
  // Returns when the store has done what it was asked. Awaited after the streams have ended, before
  // this and the io_context go.
  boost::asio::awaitable<void> Stop();

 private:
  friend class JobFeed;

  boost::asio::any_io_executor executor_;
  LiveHub& hub_;
  const LiveLimits limits_;
  SharedPages pages_;
  Beat beat_;
  std::multimap<Uuid, JobFeed*> feeds_;  // by job; each removes itself
  net::TaskGroup tasks_;
};

}  // namespace prov::panel
