// Moments that many share: whoever asks is called at the next one, all by one timer. Streams that
// look at the same moments share what they read, and each is woken once for all that has changed.
// Single-threaded.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace prov::panel {

class Beat {
 public:
  class Sleeper {
   public:
    virtual void Wake() = 0;

   protected:
    ~Sleeper() = default;
  };

  // Wakes it once, at the next moment: a multiple of `length` that is not over yet, or the one that
  // others were promised before. It asks once until then, and takes that back before it ends.
  void Ask(const boost::asio::any_io_executor& executor, std::chrono::steady_clock::duration length,
           Sleeper& sleeper);
  void TakeBack(const Sleeper& sleeper);

 private:
  void WakeAll();

  std::vector<Sleeper*> asleep_;
  std::unique_ptr<boost::asio::steady_timer> timer_;  // it runs while somebody has asked
};

}  // namespace prov::panel
