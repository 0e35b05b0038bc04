// How many jobs a second a store takes: each its row, its first change and its audit entry, durable
// before the next one of the same client.
//
//   bench_store_writes sqlite:PATH|postgresql://… CLIENTS SECONDS [CLOSURES-IN-ONE-COMMIT]
#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/random.hpp"
#include "store/postgresql/database.hpp"
#include "store/sqlite/database.hpp"

namespace {

using namespace prov;

struct Opened {
  std::unique_ptr<store::Database> database;
  std::function<std::uint64_t()> commits;
};

template <class Store, class Options>
Opened Open(const Options& options) {
  auto opened = Store::Open(options);
  if (!opened) {
    fmt::print(stderr, "bench_store_writes: {}\n", opened.error().ToString());
    std::exit(1);
  }
  const auto* store = opened->get();
  return {std::move(*opened), [store] { return store->statistics().commits; }};
}

Opened OpenUrl(const std::string& url, int group_limit) {
  if (url.starts_with("sqlite:"))
    return Open<store::sqlite::SqliteDatabase>(
        store::sqlite::Options{.path = url.substr(7), .group_limit = group_limit});
  return Open<store::postgresql::PostgresqlDatabase>(
      store::postgresql::Options{.url = url, .group_limit = group_limit});
}

Status Submit(store::Database& database, const Clock& clock, Random& random) {
  store::Creation creation;
  creation.job.id = Uuid::MakeV7(clock, random);
  creation.job.app_id = "nginx";
  creation.job.app_version = "1.0.0";
  creation.job.server_id = "agent-1";
  creation.job.user_id = "ann";
  creation.job.created_at = clock.Now();
  creation.envelope = std::string(1500, 'e');
  return database.Write([&](store::Transaction& t) -> Status {
    PROV_CHECK(t.jobs().Insert(creation));
    PROV_CHECK(t.audit().Append(
        {clock.Now(), "ann", "job.created", creation.job.id.ToString(), {{"app", "nginx"}}}));
    return {};
  });
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return fmt::print(stderr, "bench_store_writes: URL CLIENTS SECONDS [GROUP]\n"), 1;
  const auto opened = OpenUrl(arguments[1], count > 4 ? std::atoi(arguments[4]) : 64);
  const SystemClock clock;
  SystemRandom random;
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> failed{0};
  const auto start = clock.Steady();
  const auto end = start + Seconds{std::atoi(arguments[3])};
  const auto commits = opened.commits();
  std::vector<std::thread> clients;
  for (int i = 0; i < std::atoi(arguments[2]); ++i) {
    clients.emplace_back([&] {
      while (clock.Steady() < end)
        ++(Submit(*opened.database, clock, random).has_error() ? failed : written);
    });
  }
  for (auto& client : clients) client.join();
  const std::chrono::duration<double> took = clock.Steady() - start;
  fmt::print("{:.0f} jobs/s in {:.0f} commits/s, {} failed\n",
             static_cast<double>(written) / took.count(),
             static_cast<double>(opened.commits() - commits) / took.count(), failed.load());
}
