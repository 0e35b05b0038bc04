// The panel's end alone: who is refused, what polls get, and what is forgotten.
#include "transport/http/panel_end.hpp"

#include <gmock/gmock.h>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "net/event.hpp"
#include "signing/http_signature.hpp"
#include "support/vectors.hpp"
#include "transport/http/http_transport_test.hpp"

namespace prov::transport::http {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kPoll = "/agent/v1/poll";
constexpr std::string_view kEvents = "/agent/v1/events";

class PanelEndTest : public testing::Test {
 protected:
  PanelEndTest() { end_.AddRoutes(router_); }

  // A poll or events of `agent`, well signed.
  net::Request Signed(std::string_view target, const std::string& body,
                      const std::string& agent = "a") {
    const signing::HttpSignatureParameters parameters{
        std::chrono::duration_cast<Seconds>(clock_.Now().time_since_epoch()).count(),
        HexEncode(random_.Bytes(16)), signing::HttpKeyId(agent, 1)};
    return Signed(target, body, parameters, TestHttpKey(agent));
  }
  net::Request Signed(std::string_view target, const std::string& body,
                      const signing::HttpSignatureParameters& parameters,
                      const signing::SecretBytes& key) {
    const auto signature = signing::SignHttp({"POST", target, body}, parameters, key.view());
    net::Request request{.method = "POST"};
    EXPECT_TRUE(net::SetTarget(request, target));
    request.headers.Set("Content-Type", "application/json");
    request.headers.Set("Content-Digest", signature.content_digest);
    request.headers.Set("Signature-Input", signature.signature_input);
    request.headers.Set("Signature", signature.signature);
    request.body = body;
    request.peer = "192.0.2.1";
    // A client that stays.
    request.peer_closed = [this]() { return gone_.Wait(); };
    return request;
  }
  static std::string PollBody(std::vector<std::string> taken = {},
                              std::vector<std::string> events = {}) {
    return json::Write(PollRequest{std::move(taken), std::move(events)});
  }

  // A request on its way: answered at once, or waiting.
  struct Asked {
    std::optional<net::Response> response;
  };
  std::shared_ptr<Asked> Ask(net::Request request) {
    auto asked = std::make_shared<Asked>();
    tasks_.Spawn([](PanelEndTest& test, net::Request send,
                    std::shared_ptr<Asked> to) -> asio::awaitable<void> {
      to->response = co_await test.router_.Dispatch(std::move(send), test.before_);
    }(*this, std::move(request), asked));
    Settle();
    return asked;
  }
  net::Response Answer(net::Request request) {
    const auto asked = Ask(std::move(request));
    EXPECT_TRUE(asked->response) << "it waits";
    return asked->response.value_or(net::Response{});
  }
  // Everything that can go on without time passing has gone on.
  void Settle() {
    io_.restart();
    io_.poll();
  }
  void Push(const std::string& agent, const std::string& id) {
    tasks_.Spawn([](PanelEnd& end, std::string to, std::string name) -> asio::awaitable<void> {
      EXPECT_TRUE(co_await end.Push(to, {ParcelKind::kJob, name, "order " + name}));
    }(end_, agent, id));
    Settle();
  }
  static std::vector<std::string> ParcelsIn(const net::Response& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    std::vector<std::string> ids;
    const auto answer = json::Parse<PollAnswer>(response.body);
    EXPECT_TRUE(answer) << response.body;
    if (answer) {
      for (const auto& parcel : answer->parcels) ids.push_back(parcel.id);
    }
    return ids;
  }

  asio::io_context io_{1};
  FakeClock clock_;
  FakeRandom random_;
  NullLogger log_;
  PanelModel panel_;
  TestDirectory directory_;
  net::Event gone_{io_.get_executor()};
  PanelEnd end_{io_.get_executor(), clock_, panel_, directory_, directory_, log_};
  net::Router router_;
  const net::Router::Before before_ =
      [](const net::Route&, net::Request&) -> asio::awaitable<std::optional<net::Response>> {
    co_return std::nullopt;
  };
  net::TaskGroup tasks_{io_.get_executor()};
};

struct Refusal {
  std::string name;
  int status;
  std::function<void(net::Request&)> spoil;  // a good request is made a bad one
};

void Set(net::Request& request, std::string_view name,
         const std::function<void(std::string&)>& change) {
  std::string value(request.headers.Find(name).value_or(""));
  change(value);
  net::Headers headers;
  for (const auto& [each, old] : request.headers.all())
    headers.Add(each, each == name ? value : old);
  request.headers = std::move(headers);
}
void Remove(net::Request& request, std::string_view name) {
  net::Headers headers;
  for (const auto& [each, value] : request.headers.all()) {
    if (each != name) headers.Add(each, value);
  }
  request.headers = std::move(headers);
}
void Replace(std::string& text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  ASSERT_NE(at, text.npos) << from << " is not in " << text;
  text.replace(at, from.size(), to);
}

std::vector<Refusal> Refusals() {
  std::vector<Refusal> table;
  for (const auto* name : {"Content-Digest", "Signature-Input", "Signature"}) {
    table.push_back({fmt::format("without {}", name), 401,
                     [name](net::Request& request) { Remove(request, name); }});
    table.push_back({fmt::format("{} is empty", name), 401, [name](net::Request& request) {
                       Set(request, name, [](std::string& value) { value.clear(); });
                     }});
    table.push_back({fmt::format("{} twice, the same", name), 401, [name](net::Request& request) {
                       request.headers.Add(name, std::string(*request.headers.Find(name)));
                     }});
    table.push_back({fmt::format("{} twice, another behind", name), 401,
                     [name](net::Request& request) { request.headers.Add(name, "x"); }});
    // Every byte counts; the last but one of each is within the value.
    for (const std::size_t at : {0u, 5u, 12u}) {
      table.push_back({fmt::format("{} with byte {} changed", name, at), 401,
                       [name, at](net::Request& request) {
                         Set(request, name, [at](std::string& value) { value[at] ^= 1; });
                       }});
    }
  }
  const auto input = [](std::string_view from, std::string_view to) {
    return [from, to](net::Request& request) {
      Set(request, "Signature-Input", [&](std::string& value) { Replace(value, from, to); });
    };
  };
  table.push_back({"another agent's name", 401, input("http/a/1", "http/b/1")});
  table.push_back({"an agent that is not registered", 401, input("http/a/1", "http/nobody/1")});
  table.push_back({"a generation that is not valid", 401, input("http/a/1", "http/a/2")});
  table.push_back({"a job key's name", 401, input("http/a/1", "job/a/1")});
  table.push_back({"a path for a name", 401, input("http/a/1", "http/../1")});
  table.push_back({"another algorithm", 401, input("hmac-sha256", "none")});
  table.push_back({"fewer components", 401, input("\"@query\" ", "")});
  table.push_back({"another label", 401, input("sig1=", "sig2=")});
  table.push_back({"another nonce", 401, input("nonce=\"", "nonce=\"0")});
  table.push_back({"no nonce", 401, [](net::Request& request) {
                     Set(request, "Signature-Input", [](std::string& value) {
                       const auto at = value.find(";nonce");
                       value.erase(at, value.find(";alg") - at);
                     });
                   }});
  table.push_back({"another body", 401, [](net::Request& request) { request.body += " "; }});
  table.push_back({"no body", 401, [](net::Request& request) { request.body.clear(); }});
  table.push_back({"a query that was not signed", 401, [](net::Request& request) {
                     EXPECT_TRUE(net::SetTarget(request, request.target + "?x=1"));
                   }});
  table.push_back({"another method", 405, [](net::Request& request) { request.method = "PUT"; }});
  return table;
}

TEST_F(PanelEndTest, EveryRequestThatIsNotWellSigned_IsRefused_AndReachesNothing) {
  Push("a", "1");
  const std::pair<std::string_view, std::string> kinds[] = {
      {kPoll, PollBody({"1"}, {"event 1"})}, {kEvents, json::Write(EventsRequest{{"event 1"}})}};
  for (const auto& [target, body] : kinds) {
    for (const auto& row : Refusals()) {
      SCOPED_TRACE(std::string(target) + ": " + row.name);
      auto request = Signed(target, body);
      row.spoil(request);
      const auto response = Answer(std::move(request));
      EXPECT_EQ(response.status, row.status) << response.body;
      // Not a word about what was wrong.
      if (row.status == 401)
        EXPECT_THAT(response.body, testing::HasSubstr("not signed by a registered agent"));
    }
    // A request that is meant for the other route.
    auto request = Signed(target, body);
    EXPECT_TRUE(net::SetTarget(request, target == kPoll ? kEvents : kPoll));
    EXPECT_EQ(Answer(std::move(request)).status, 401);
  }
  EXPECT_EQ(panel_.deliveries, 0);
  EXPECT_TRUE(panel_.seen.empty());
  // The parcel is still there, though every refused poll said it was taken.
  EXPECT_THAT(ParcelsIn(Answer(Signed(kPoll, PollBody()))), testing::ElementsAre("1"));
}

TEST_F(PanelEndTest, AWrongKey_IsRefused) {
  const signing::HttpSignatureParameters parameters{
      std::chrono::duration_cast<Seconds>(clock_.Now().time_since_epoch()).count(),
      std::string(32, '0'), signing::HttpKeyId("a", 1)};
  for (auto& key :
       {TestHttpKey("b").Clone(), TestHttpKey("a", 2).Clone(),
        signing::DeriveAgentKey(std::string(32, 's'), signing::Purpose::kJob, "a", 1)->Clone(),
        signing::DeriveAgentKey(std::string(32, 's'), signing::Purpose::kEvent, "a", 1)->Clone()}) {
    EXPECT_EQ(Answer(Signed(kPoll, PollBody(), parameters, key)).status, 401);
  }
  EXPECT_TRUE(panel_.seen.empty());
}

TEST_F(PanelEndTest, ARequestSignedTooLongAgoOrTooEarly_IsRefusedWithThePanelsTime) {
  for (const int seconds : {-61, 61, -86'400, 1'000'000'000}) {
    const signing::HttpSignatureParameters parameters{
        std::chrono::duration_cast<Seconds>(clock_.Now().time_since_epoch()).count() + seconds,
        HexEncode(random_.Bytes(16)), signing::HttpKeyId("a", 1)};
    const auto response = Answer(Signed(kPoll, PollBody(), parameters, TestHttpKey("a")));
    EXPECT_EQ(response.status, 401) << seconds;
    EXPECT_EQ(response.headers.Find("X-Panel-Time"), FormatTime(clock_.Now()));
  }
  EXPECT_TRUE(panel_.seen.empty());
}

TEST_F(PanelEndTest, AReplayedRequest_IsRefused_AlsoWhenThePanelsClockWasSetBack) {
  const auto request = Signed(kEvents, json::Write(EventsRequest{{"event 1"}}));
  const auto sent = clock_.Now();
  EXPECT_EQ(Answer(request).status, 200);
  EXPECT_EQ(Answer(request).status, 401);
  clock_.Advance(Seconds{59});
  EXPECT_EQ(Answer(request).status, 401);
  clock_.Advance(3 * kNonceLife);  // its nonce is forgotten, and it is too old
  EXPECT_EQ(Answer(request).status, 401);
  clock_.SetWall(sent);
  EXPECT_EQ(Answer(request).status, 401);
  EXPECT_EQ(panel_.deliveries, 1);
}

TEST_F(PanelEndTest, AfterThePanelsClockWasSetBack_AgentsThatLearnedItsTimeAreServed) {
  EXPECT_EQ(Answer(Signed(kEvents, json::Write(EventsRequest{}))).status, 200);
  clock_.SetWall(clock_.Now() - std::chrono::hours{1});
  const auto refused = Answer(Signed(kEvents, json::Write(EventsRequest{})));
  EXPECT_EQ(refused.status, 401);
  const auto told = ParseTime(refused.headers.Find("X-Panel-Time").value_or(""));
  ASSERT_TRUE(told);
  const signing::HttpSignatureParameters parameters{
      std::chrono::duration_cast<Seconds>(told->time_since_epoch()).count(),
      HexEncode(random_.Bytes(16)), signing::HttpKeyId("a", 1)};
  EXPECT_EQ(
      Answer(Signed(kEvents, json::Write(EventsRequest{}), parameters, TestHttpKey("a"))).status,
      200);
}

// A problem as "/pointer: sentence; ", or its detail.
std::string WhatItSays(const net::Response& response) {
  const auto problem = json::ParseText(response.body).value();
  const auto* errors = problem.as_object().if_contains("errors");
  if (errors == nullptr) return test::TextAt(problem, "detail");
  std::string said;
  for (const auto& error : errors->as_array()) {
    const auto field = test::TextAt(error, "field");
    said += (field.empty() ? "" : field + ": ") + test::TextAt(error, "message") + "; ";
  }
  return said;
}

TEST_F(PanelEndTest, EveryBodyOfTheVectors_IsTaken) {
  const auto vectors = test::Vectors("transport/bodies.json");
  Push("a", "1");
  for (const auto& [target, kind] : {std::pair{kPoll, "poll"}, std::pair{kEvents, "events"}}) {
    for (const auto& body : test::RowsAt(vectors.at(kind), "valid"))
      EXPECT_EQ(Answer(Signed(target, std::string(body.as_string()))).status, 200);
  }
}

TEST_F(PanelEndTest, ABodyThatIsNone_IsRefused_AndReachesNothing) {
  Push("a", "1");
  const auto vectors = test::Vectors("transport/bodies.json");
  for (const auto& [target, kind] : {std::pair{kPoll, "poll"}, std::pair{kEvents, "events"}}) {
    for (const auto& row : test::RowsAt(vectors.at(kind), "refused")) {
      SCOPED_TRACE(std::string(kind) + ": " + test::TextAt(row, "name"));
      const auto answer = Answer(Signed(target, test::TextAt(row, "body")));
      EXPECT_EQ(answer.status, row.at("status").to_number<int>());
      EXPECT_THAT(WhatItSays(answer), testing::HasSubstr(test::TextAt(row, "says")));
    }
  }
  EXPECT_EQ(Answer(Signed(kPoll, "{\"taken\":[\"\xff\"],\"events\":[]}")).status, 400);
  std::vector<std::string> many(kMaxEventsInRequest + 1, "event 1");
  EXPECT_EQ(Answer(Signed(kEvents, json::Write(EventsRequest{many}))).status, 413);
  EXPECT_EQ(Answer(Signed(kPoll, PollBody({}, many))).status, 413);
  auto untyped = Signed(kPoll, PollBody({"1"}));
  Remove(untyped, "Content-Type");
  EXPECT_EQ(Answer(std::move(untyped)).status, 415);
  EXPECT_EQ(panel_.deliveries, 0);
  EXPECT_THAT(ParcelsIn(Answer(Signed(kPoll, PollBody()))), testing::ElementsAre("1"));
  many.pop_back();
  EXPECT_EQ(Answer(Signed(kEvents, json::Write(EventsRequest{many}))).status, 200);
}

TEST_F(PanelEndTest, TheRoutes_LimitTheirBodies) {
  for (const auto& route : router_.routes()) {
    ASSERT_TRUE(route.body_limit) << route.pattern;
    EXPECT_LE(*route.body_limit, kMaxPollBytes) << route.pattern;
  }
}

TEST_F(PanelEndTest, TooManyRequestsOfOneAgent_Are429_AndOthersAreServed) {
  PanelEndLimits limits;
  limits.requests = 3;
  PanelEnd end(io_.get_executor(), clock_, panel_, directory_, directory_, log_, limits);
  router_ = net::Router();
  end.AddRoutes(router_);
  const auto body = json::Write(EventsRequest{});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Answer(Signed(kEvents, body)).status, 200);
  EXPECT_EQ(Answer(Signed(kEvents, body)).status, 429);
  EXPECT_EQ(Answer(Signed(kEvents, body, "b")).status, 200);
}

TEST_F(PanelEndTest, AStoreThatIsAway_Is503_NeverAFalse2xx) {
  panel_.away = true;
  EXPECT_EQ(Answer(Signed(kEvents, json::Write(EventsRequest{{"event 1"}}))).status, 503);
  EXPECT_EQ(Answer(Signed(kPoll, PollBody({}, {"event 1"}))).status, 503);
}

TEST_F(PanelEndTest, APoll_WaitsForAParcel_AndIsAnsweredWhenItComes) {
  const auto poll = Ask(Signed(kPoll, PollBody()));
  EXPECT_FALSE(poll->response);
  Push("b", "1");
  EXPECT_FALSE(poll->response) << "that is another agent's";
  Push("a", "2");
  ASSERT_TRUE(poll->response);
  EXPECT_THAT(ParcelsIn(*poll->response), testing::ElementsAre("2"));
}

TEST_F(PanelEndTest, APollWithEvents_IsNotHeld) {
  const auto answer = Answer(Signed(kPoll, PollBody({}, {"event 1"})));
  const auto read = json::Parse<PollAnswer>(answer.body);
  ASSERT_TRUE(read) << answer.body;
  EXPECT_EQ(read->ack, "ack 1");
  // Nor when there is nothing to acknowledge.
  panel_.swallow = 1;
  EXPECT_EQ(Answer(Signed(kPoll, PollBody({}, {"event 2"}))).status, 200);
}

// It was marked as sent and held back for 30 s, so a job could start that late.
TEST_F(PanelEndTest, AnAnswerThatWasLost_IsGivenAgainToTheNextPoll) {
  Push("a", "1");
  EXPECT_THAT(ParcelsIn(Answer(Signed(kPoll, PollBody()))), testing::ElementsAre("1"));
  EXPECT_THAT(ParcelsIn(Answer(Signed(kPoll, PollBody()))), testing::ElementsAre("1"));
  EXPECT_FALSE(Ask(Signed(kPoll, PollBody({"1"})))->response) << "it was taken";
}

TEST_F(PanelEndTest, APollWhoseClientHasLeft_TakesNoParcelAndIsNoSignOfLife) {
  const auto poll = Ask(Signed(kPoll, PollBody()));
  ASSERT_FALSE(poll->response);
  const auto seen = panel_.seen["a"];
  gone_.Notify();
  Settle();
  EXPECT_TRUE(poll->response);
  EXPECT_EQ(panel_.seen["a"], seen);
  Push("a", "1");
  EXPECT_THAT(ParcelsIn(Answer(Signed(kPoll, PollBody()))), testing::ElementsAre("1"));
}

// Both were answered empty, and asked again at once, as often as the network allowed.
TEST_F(PanelEndTest, TwoThatPollWithOneKey_AreToldSo) {
  const auto first = Ask(Signed(kPoll, PollBody()));
  const auto second = Ask(Signed(kPoll, PollBody()));
  ASSERT_TRUE(first->response);
  EXPECT_EQ(first->response->status, 409);
  EXPECT_FALSE(second->response);
  Push("a", "1");
  ASSERT_TRUE(second->response);
  EXPECT_THAT(ParcelsIn(*second->response), testing::ElementsAre("1"));
}

TEST_F(PanelEndTest, Close_AnswersEveryPoll_AndHoldsNoneAnyMore) {
  const auto poll = Ask(Signed(kPoll, PollBody()));
  end_.Close();
  Settle();
  ASSERT_TRUE(poll->response);
  EXPECT_EQ(poll->response->status, 200);
  EXPECT_EQ(Answer(Signed(kPoll, PollBody(), "b")).status, 200);
}

TEST_F(PanelEndTest, WhatAnAgentLeavesBehind_IsForgotten_ButNoParcel) {
  EXPECT_EQ(Answer(Signed(kPoll, PollBody({}, {"event 1"}))).status, 200);
  Push("b", "1");
  EXPECT_THAT(ParcelsIn(Answer(Signed(kPoll, PollBody(), "b"))), testing::ElementsAre("1"));
  const auto waiting = Ask(Signed(kPoll, PollBody(), "c"));
  EXPECT_EQ(end_.remembered(), 3U);
  clock_.Advance(3 * kNonceLife);
  EXPECT_EQ(Answer(Signed(kEvents, json::Write(EventsRequest{}), "d")).status, 200);
  EXPECT_EQ(end_.remembered(), 3U) << "b has a parcel, c polls, d is new";
  EXPECT_THAT(ParcelsIn(Answer(Signed(kPoll, PollBody(), "b"))), testing::ElementsAre("1"));
  Push("c", "2");
  ASSERT_TRUE(waiting->response);
  EXPECT_THAT(ParcelsIn(*waiting->response), testing::ElementsAre("2"));
}

}  // namespace
}  // namespace prov::transport::http
