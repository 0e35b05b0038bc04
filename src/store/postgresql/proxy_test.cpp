#include "store/postgresql/proxy_test.hpp"

#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace prov::store::postgresql {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::string ReadSome(int fd) {
  std::string bytes(1 << 16, '\0');
  const auto size = recv(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return bytes;
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto size = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace

Proxy::Proxy(int server_port, Decide decide)
    : server_port_(server_port), decide_(std::move(decide)) {
  auto address = Loopback(0);
  socklen_t size = sizeof address;
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener_, 64), 0);
  EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
  EXPECT_EQ(pipe(ended_), 0);
  accepting_ = std::thread([this] { Accept(); });
}

Proxy::~Proxy() {
  close(ended_[1]);
  accepting_.join();
  for (auto& thread : serving_) thread.join();
  close(ended_[0]);
  close(listener_);
}

void Proxy::Accept() {
  while (true) {
    std::array<pollfd, 2> both{pollfd{listener_, POLLIN, 0}, pollfd{ended_[0], POLLIN, 0}};
    if (poll(both.data(), both.size(), -1) < 0) continue;
    if (both[1].revents != 0) return;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) serving_.emplace_back([this, client] { Serve(client); });
  }
}

void Proxy::Serve(int client) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = Loopback(server_port_);
  const bool there =
      connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (there && Pass(client, server)) {
  }
  close(client);
  close(server);
}

bool Proxy::Pass(int client, int server) {
  std::array<pollfd, 3> all{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0},
                            pollfd{ended_[0], POLLIN, 0}};
  if (poll(all.data(), all.size(), -1) < 0) return true;
  if (all[2].revents != 0) return false;
  if (all[1].revents != 0) {
    const auto answer = ReadSome(server);
    return !answer.empty() && WriteAll(client, answer);
  }
  const auto request = ReadSome(client);
  if (request.empty()) return false;
  auto action = Action::kForward;
  {
    const std::lock_guard lock(deciding_);
    action = decide_(request);
  }
  if (action == Action::kCut) return false;
  if (!WriteAll(server, request)) return false;
  if (action == Action::kForward) return true;
  (void)ReadSome(server);
  return false;
}

}  // namespace prov::store::postgresql
