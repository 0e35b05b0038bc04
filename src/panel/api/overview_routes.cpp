// GET /api/overview, and the audit: /api/audit, /api/audit/verify, /api/jobs/{id}/audit.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "net/json_body.hpp"
#include "panel/api/overview.hpp"
#include "panel/api/paging.hpp"
#include "panel/api/routes.hpp"
#include "panel/api/views.hpp"
#include "panel/auth/authenticator.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
using net::Request;
using net::Response;

constexpr std::size_t kMostOutlines = 100'000;
constexpr std::size_t kMostOfOneJob = 1'000;
constexpr std::uint64_t kVerifiedAtOnce = 1'000;
constexpr std::size_t kMostAuditUser = 255;
constexpr std::size_t kMostAuditAction = 64;

struct Figures {
  std::vector<store::JobOutline> jobs;
  std::vector<store::Agent> agents;
};

asio::awaitable<Response> ShowOverview(ApiDependencies api, Request request) {
  std::vector<net::FieldError> faults;
  CheckParameters(request, {"since"}, faults);
  const auto now = api.clock.Now();
  const auto since = TimeParameter(request, "since", faults).value_or(now - kOverviewWait);
  if (faults.empty() && (since > now || now - since > kOverviewMost))
    faults.push_back({"since", "range", "must be within the last 31 days"});
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  const auto actor = CallerOf(request).actor;
  const auto figures =
      co_await api.store.Read([actor, since](store::Transaction& t) -> Result<Figures> {
        Figures read;
        PROV_TRY(read.jobs, t.jobs().Outlines(actor, since - kOverviewWait, kMostOutlines));
        PROV_TRY(read.agents, t.agents().List(actor));
        return read;
      });
  if (!figures) co_return net::MakeProblem(net::ToProblem(figures.error()));
  std::map<ServerStatus, std::size_t> agents;
  for (const auto& agent : figures->agents) ++agents[api.dispatcher.StatusOf(agent)];
  co_return net::MakeJson(OverviewJson(figures->jobs, agents, since, now));
}

std::string AuditText(const Request& request, const char* name, std::size_t most,
                      std::vector<net::FieldError>& faults) {
  const std::string text(request.Query(name).value_or(""));
  if (CountCodePoints(text) > most)
    faults.push_back({name, "max_length", fmt::format("must have at most {} characters", most)});
  return text;
}

// `after` is a sequence that MakeCursor was given.
std::optional<std::uint64_t> SequenceOf(const std::string& after) {
  std::uint64_t sequence = 0;
  const auto [end, bad] = std::from_chars(after.data(), after.data() + after.size(), sequence);
  return bad == std::errc{} && !after.empty() ? std::optional(sequence) : std::nullopt;
}

asio::awaitable<Response> ListAudit(ApiDependencies api, Request request) {
  std::vector<net::FieldError> faults;
  CheckParameters(request, {"user", "action", "since", "until", "limit", "cursor"}, faults);
  store::AuditFilter filter;
  filter.user_id = AuditText(request, "user", kMostAuditUser, faults);
  filter.action = AuditText(request, "action", kMostAuditAction, faults);
  filter.since = TimeParameter(request, "since", faults);
  filter.until = TimeParameter(request, "until", faults);
  const auto bound = FilterOf(request);
  const auto page = ReadPage(request, api.keys, bound, faults);
  if (!faults.empty()) co_return Unprocessable(std::move(faults));
  const auto actor = CallerOf(request).actor;
  const auto before = SequenceOf(page.after);
  const auto wanted = page.limit + 1;
  auto entries = co_await api.store.Read([actor, filter, before, wanted](store::Transaction& t) {
    return t.audit().List(actor, filter, before, wanted);
  });
  if (!entries) co_return net::MakeProblem(net::ToProblem(entries.error()));
  const bool more = entries->size() > page.limit;
  if (more) entries->pop_back();
  boost::json::array items;
  for (const auto& entry : *entries) items.push_back(AuditJson(entry));
  boost::json::value next = nullptr;
  if (more) next = MakeCursor(api.keys, bound, std::to_string(entries->back().sequence));
  co_return Listed(std::move(items), std::move(next));
}

// Page by page: meanwhile others read too. What is appended meanwhile is behind the head.
asio::awaitable<Result<store::AuditVerdict>> VerifyChain(StoreGate& store) {
  const store::Actor verifier{"", true};
  PROV_CO_TRY(const auto head,
              co_await store.Read([](store::Transaction& t) { return t.audit().Head(); }));
  store::AuditVerifier chain;
  for (std::uint64_t after = 0; after < head.sequence;) {
    const auto most = std::min<std::uint64_t>(kVerifiedAtOnce, head.sequence - after);
    PROV_CO_TRY(const auto page,
                co_await store.Read([verifier, after, most](store::Transaction& t) {
                  return t.audit().After(verifier, after, most);
                }));
    for (const auto& entry : page) {
      if (!chain.Take(entry)) co_return chain.Finish(head);
      after = entry.sequence;
    }
    if (page.size() < most) break;
  }
  co_return chain.Finish(head);
}

asio::awaitable<Response> VerifyAudit(ApiDependencies api, Request) {
  const auto verdict = co_await VerifyChain(api.store);
  if (!verdict) co_return net::MakeProblem(net::ToProblem(verdict.error()));
  boost::json::value bad = nullptr;
  if (verdict->first_bad) {
    bad = boost::json::object{{"id", std::to_string(*verdict->first_bad)},
                              {"reason", verdict->reason}};
  }
  co_return net::MakeJson(boost::json::object{
      {"ok", !verdict->first_bad}, {"entries", verdict->entries}, {"first_bad", std::move(bad)}});
}

// Whoever sees the job sees what was done to it; the rest of the audit is the administrators'.
asio::awaitable<Response> ShowJobAudit(ApiDependencies api, Request request) {
  using Entries = std::vector<store::AuditEntry>;
  const auto id = Uuid::Parse(request.parameters.at("id"));
  if (!id) co_return NoSuch("job");
  const auto actor = CallerOf(request).actor;
  auto entries =
      co_await api.store.Read([actor, id = *id](store::Transaction& t) -> Result<Entries> {
        PROV_CHECK(t.jobs().Get(actor, id));
        const store::AuditFilter filter{.subject = id.ToString()};
        return t.audit().List(kPanel, filter, std::nullopt, kMostOfOneJob);
      });
  if (!entries) co_return net::MakeProblem(net::ToProblem(entries.error()));
  std::ranges::reverse(*entries);
  co_return Listed(*entries, AuditJson);
}

}  // namespace

void AddOverviewRoutes(net::Router& router, const ApiDependencies& api) {
  const auto add = RouteAdder(router, api);
  add("GET", "/api/overview", kScopeRead, ShowOverview);
  add("GET", "/api/jobs/{id}/audit", kScopeRead, ShowJobAudit);
  add("GET", "/api/audit", kScopeAdmin, ListAudit);
  add("POST", "/api/audit/verify", kScopeAdmin, VerifyAudit);
}

}  // namespace prov::panel
