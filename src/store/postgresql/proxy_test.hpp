// Between a database and its server: each request, which libpq sends in one piece, is looked at
// before it goes on, and its connection may end there.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace prov::store::postgresql {

class Proxy {
 public:
  enum class Action {
    kForward,
    kCut,        // the server never sees it
    kCutAnswer,  // the server has done it, and nobody learns of that
  };
  using Decide = std::function<Action(std::string_view request)>;

  // `decide` runs on the proxy's threads, one at a time.
  Proxy(int server_port, Decide decide);
  Proxy(const Proxy&) = delete;
  ~Proxy();
  int port() const { return port_; }
  // Those that are made from now on are to another server.
  void Redirect(int server_port) { server_port_ = server_port; }

 private:
  void Accept();
  void Serve(int client);
  bool Pass(int client, int server);

  std::atomic<int> server_port_;
  Decide decide_;
  std::mutex deciding_;
  int listener_ = -1;
  int port_ = 0;
  int ended_[2] = {-1, -1};  // a pipe, readable once it is over
  std::thread accepting_;
  std::vector<std::thread> serving_;  // the accepting thread's
};

}  // namespace prov::store::postgresql
