// Simulated agents for `./dev bench fleet`, told what to do by lines on standard input; each is
// answered by one JSON object on a line of standard output:
//
//   enrol COUNT           enrols agents until there are so many; over RabbitMQ the answer's "users"
//                         has definitions of each new one's user, which are to be imported
//   connect               connects those that are not, and waits until the panel has heard them
//   jobs RATE SECONDS     submits RATE jobs a second through the API, and waits for their results
//
//   bench_fleet PANEL-URL CA-FILE [REDIS-OR-RABBITMQ-URL]
//
// Secrets are in its environment: SECRET_KEY, API_TOKEN, and REDIS_ADMINISTRATOR_PASSWORD, of
// Redis's default user. It ends with its standard input.
#include <cstdlib>
#include <iostream>
#include <sstream>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/json.hpp"
#include "fleet.hpp"

namespace {

namespace asio = boost::asio;
using prov::bench::Fleet;

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Of sorted values; 0 where there are none.
double Percentile(const std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(static_cast<double>(values.size()) * share);
  return values[std::min(at, values.size() - 1)];
}

boost::json::object Links(const Fleet& fleet) {
  const auto refused = fleet.refused_parcels();
  return {{"agents", fleet.size()},
          {"disconnected", fleet.links().disconnected()},
          {"last_reason", fleet.links().last_reason()},
          {"refused_parcels", refused.size()},
          {"refused", refused.empty() ? "" : refused.front()}};
}

boost::json::object Refused(const prov::Error& error) { return {{"error", error.ToString()}}; }

asio::awaitable<boost::json::object> Enrol(Fleet& fleet, std::size_t count) {
  const auto enrolled = co_await fleet.Enrol(count);
  if (!enrolled) co_return Refused(enrolled.error());
  auto said = Links(fleet);
  auto& users = said["users"].emplace_array();
  for (const auto& definitions : fleet.TakeUserDefinitions())
    users.push_back(*prov::json::ParseText(definitions));
  co_return said;
}

asio::awaitable<boost::json::object> Connect(Fleet& fleet) {
  const auto connected = co_await fleet.Connect();
  co_return connected ? Links(fleet) : Refused(connected.error());
}

asio::awaitable<boost::json::object> Jobs(Fleet& fleet, Fleet::Load load) {
  const auto run = co_await fleet.Run(std::move(load));
  if (!run) co_return Refused(run.error());
  auto said = Links(fleet);
  said["submitted"] = run->submitted;
  said["submits_refused"] = run->refused;
  said["why"] = run->why;
  said["unfinished"] = run->unfinished;
  said["orders_came_again"] = run->came_again;
  for (const auto& [name, values] :
       {std::pair{"accepted", &run->accepted_ms}, std::pair{"ended", &run->ended_ms}}) {
    said[fmt::format("{}_p50_ms", name)] = Percentile(*values, 0.5);
    said[fmt::format("{}_p99_ms", name)] = Percentile(*values, 0.99);
  }
  co_return said;
}

asio::awaitable<boost::json::object> Obey(Fleet& fleet, std::string line) {
  std::istringstream words(line);
  std::string what;
  words >> what;
  if (std::size_t count = 0; what == "enrol" && words >> count)
    co_return co_await Enrol(fleet, count);
  if (what == "connect") co_return co_await Connect(fleet);
  Fleet::Load load{.api_token = FromEnvironment("API_TOKEN")};
  if (what == "jobs" && words >> load.per_second >> load.seconds)
    co_return co_await Jobs(fleet, std::move(load));
  co_return boost::json::object{{"error", "enrol COUNT, connect, or jobs RATE SECONDS"}};
}

asio::awaitable<void> Listen(Fleet& fleet, asio::io_context& io) {
  asio::posix::stream_descriptor input(io, dup(STDIN_FILENO));
  std::string text;
  for (;;) {
    const auto [fault, size] = co_await asio::async_read_until(
        input, asio::dynamic_buffer(text), '\n', asio::as_tuple(asio::use_awaitable));
    if (fault) break;
    const auto answer = co_await Obey(fleet, text.substr(0, size - 1));
    text.erase(0, size);
    std::cout << prov::json::Serialize(answer) << std::endl;
  }
  io.stop();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3 || count > 4) {
    std::cerr << "bench_fleet PANEL-URL CA-FILE [REDIS-OR-RABBITMQ-URL]\n";
    return 2;
  }
  asio::io_context io{1};
  Fleet fleet(io.get_executor(),
              {.panel_url = arguments[1],
               .ca_file = arguments[2],
               .secret_key = FromEnvironment("SECRET_KEY"),
               .queue_url = count > 3 ? arguments[3] : "",
               .redis_administrator_password = FromEnvironment("REDIS_ADMINISTRATOR_PASSWORD")});
  asio::co_spawn(io, Listen(fleet, io), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
  // As a machine that is switched off: nothing is said to the panel.
  std::_Exit(0);
}
