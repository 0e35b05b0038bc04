// The whole panel but its sockets: every route, the authentication before it, and what they need.
#pragma once

#include "net/http_message.hpp"
#include "panel/api/route_table.hpp"
#include "panel/auth/api_tokens.hpp"
#include "panel/auth/authenticator.hpp"
#include "panel/enrolment/enrolment_desk.hpp"
#include "panel/panel_fixture_test.hpp"

namespace prov::panel {

class ApiTest : public PanelTest {
 protected:
  void SetUp() override {
    AddAgent();
    AddInstaller("demo",
                 "inputs:\n"
                 "  - {name: site, type: string, label: Site, required: true}\n"
                 "  - {name: token, type: password, label: Token, required: true}\n");
    Open();
  }
  void TearDown() override { Close(); }

  // The panel starts, over the store as it is.
  void Open() {
    registry_ = std::make_unique<Registry>(InstallersDirectory(), clock_, log_);
    ASSERT_TRUE(registry_->Reload());
    dispatcher_ = std::make_unique<Dispatcher>(io_.get_executor(), gate_, *registry_, hub_, keys_,
                                               clock_, random_, log_);
    desk_ = std::make_unique<EnrolmentDesk>(gate_, hub_, keys_, clock_, log_, kSecret);
    end_ = std::make_unique<transport::http::PanelEnd>(io_.get_executor(), clock_, *dispatcher_,
                                                       *desk_, *desk_, log_);
    dispatcher_->SetQueue(*end_);
    passwords_ = std::make_unique<PasswordPool>(random_, kCheap);
    sign_in_ = std::make_unique<SignIn>(gate_, *passwords_, clock_, random_, log_);
    authenticator_ = std::make_unique<Authenticator>(gate_, clock_, keys_, secure_);
    before_ = [this](const net::Route& route, net::Request& request) {
      return authenticator_->Before(route, request);
    };
    metrics_ = std::make_unique<Metrics>(gate_, *registry_, clock_);
    metrics_->SetSources(dispatcher_.get(), [this] { return streams_.open(); });
    router_ = std::make_unique<net::Router>();
    const ApiDependencies api{.store = gate_,
                              .registry = *registry_,
                              .dispatcher = *dispatcher_,
                              .keys = keys_,
                              .metrics = *metrics_,
                              .clock = clock_,
                              .random = random_,
                              .sign_in = *sign_in_,
                              .passwords = *passwords_,
                              .desk = *desk_,
                              .secure = secure_,
                              .started = clock_.Steady()};
    const LiveDependencies live{
        .store = gate_,
        .hub = hub_,
        .streams = streams_,
        .feeds = feeds_,
        .caller = [](const net::Request& request) { return CallerOf(request).actor; },
        .scope = std::string(kScopeRead),
        .on_error = {}};
    AddAllRoutes(*router_, api, live, *end_);
  }
  void Close() {
    router_.reset();
    metrics_.reset();
    authenticator_.reset();
    sign_in_.reset();
    passwords_.reset();
    if (end_) end_->Close();
    end_.reset();
    desk_.reset();
    dispatcher_.reset();
    registry_.reset();
  }

  std::string Token(std::vector<std::string> scopes,
                    std::optional<Seconds> valid_for = std::nullopt) {
    const auto token = MakeApiToken(database_, "test", "ann", scopes, valid_for, clock_, random_);
    EXPECT_TRUE(token) << token.error().ToString();
    return token ? *token : "";
  }
  void RevokeAllTokens() {
    ASSERT_TRUE(database_.Write([&](store::Transaction& t) -> Status {
      PROV_TRY(const auto tokens, t.tokens().List(Admin()));
      for (const auto& token : tokens) {
        PROV_CHECK(t.tokens().Revoke(Admin(), token.id, clock_.Now()));
      }
      return {};
    }));
  }

  // `token` "" sends none.
  net::Response Ask(const std::string& method, const std::string& target,
                    const std::string& token = "", const std::string& body = "",
                    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    net::Request request;
    request.method = method;
    EXPECT_TRUE(net::SetTarget(request, target)) << target;
    request.peer = peer_;
    request.body = body;
    if (!body.empty()) request.headers.Set("Content-Type", "application/json");
    if (!token.empty()) request.headers.Set("Authorization", "Bearer " + token);
    for (const auto& [name, value] : headers) request.headers.Set(name, value);
    return Await(router_->Dispatch(std::move(request), before_));
  }
  static boost::json::object Read(const net::Response& response) {
    const auto value = json::ParseText(response.body);
    EXPECT_TRUE(value && value->is_object()) << response.body;
    return value && value->is_object() ? value->as_object() : boost::json::object{};
  }

  // ---- people

  static constexpr PasswordCost kCheap{.memory_kib = 64, .passes = 1};
  static constexpr const char* kPassword = "correct horse battery";

  store::User AddPerson(const std::string& name, store::Role role = store::Role::kUser,
                        const std::string& password = kPassword) {
    store::User user;
    user.id = Uuid::MakeV7(clock_, random_);
    user.name = name;
    user.role = role;
    user.password_hash = *HashPassword(password, random_, kCheap);
    const auto added = database_.Write(
        [&](store::Transaction& t) { return AddUser(t, user, {"admin", clock_.Now()}); });
    EXPECT_TRUE(added) << added.error().ToString();
    return added ? *added : user;
  }
  // What a browser has after it signed in.
  struct Browser {
    std::string cookie;  // as it sends it
    std::string csrf;
  };
  static Browser BrowserOf(const net::Response& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    const auto set = std::string(response.headers.Find("Set-Cookie").value_or(""));
    return {set.substr(0, set.find(';')), std::string(Read(response)["csrf_token"].as_string())};
  }
  net::Response TrySignIn(const std::string& name, const std::string& password = kPassword,
                          const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    return Ask("POST", "/api/session", "",
               json::Serialize(boost::json::object{{"name", name}, {"password", password}}),
               headers);
  }
  Browser SignedInAs(const std::string& name) { return BrowserOf(TrySignIn(name)); }
  // As a page of the panel asks.
  net::Response AskAs(const Browser& browser, const std::string& method, const std::string& target,
                      const std::string& body = "") {
    return Ask(method, target, "", body,
               {{"Host", "127.0.0.1:5000"},
                {"Origin", "http://127.0.0.1:5000"},
                {"Sec-Fetch-Site", "same-origin"},
                {"Cookie", browser.cookie},
                {"X-CSRF-Token", browser.csrf}});
  }

  std::string peer_ = "192.0.2.1";
  bool secure_ = false;
  LiveStreams streams_;
  JobFeeds feeds_{io_.get_executor(), gate_, hub_, {}, {}};
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<EnrolmentDesk> desk_;
  std::unique_ptr<transport::http::PanelEnd> end_;
  std::unique_ptr<PasswordPool> passwords_;
  std::unique_ptr<SignIn> sign_in_;
  std::unique_ptr<Authenticator> authenticator_;
  net::Router::Before before_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<net::Router> router_;
};

// An answer as docs/api/openapi.yaml has it, "Problem" (RFC 9457).
inline void ExpectProblem(const net::Response& response, int status, const std::string& code) {
  EXPECT_EQ(response.status, status) << response.body;
  EXPECT_EQ(response.headers.Find("Content-Type"), "application/problem+json");
  const auto parsed = json::ParseText(response.body);
  ASSERT_TRUE(parsed && parsed->is_object()) << response.body;
  const auto& body = parsed->as_object();
  constexpr std::string_view kText[] = {"type", "title", "detail", "code"};
  for (const auto name : kText) {
    ASSERT_TRUE(body.contains(name) && body.at(name).is_string()) << name;
    EXPECT_FALSE(body.at(name).as_string().empty()) << name;
  }
  EXPECT_EQ(body.at("title").as_string(), net::StatusReason(status));
  EXPECT_EQ(body.at("status"), status);
  EXPECT_EQ(body.at("code").as_string(), code) << response.body;
  EXPECT_THAT(std::string(body.at("code").as_string()), ::testing::MatchesRegex("[a-z][a-z_]*"));
  for (const auto& [name, value] : body) {
    EXPECT_TRUE(name == "status" || name == "instance" || name == "errors" ||
                std::ranges::find(kText, std::string_view(name)) != std::end(kText))
        << name << " is not documented";
  }
  EXPECT_EQ(response.headers.Find("WWW-Authenticate").has_value(), status == 401);
  EXPECT_EQ(response.headers.Find("Retry-After").has_value(), status == 429 || status == 503);
  if (!body.contains("errors")) return;
  for (const auto& error : body.at("errors").as_array()) {
    EXPECT_THAT(error.as_object(), ::testing::SizeIs(3));
    for (const auto* name : {"field", "rule", "message"})
      EXPECT_TRUE(error.at(name).is_string()) << name;
  }
}

// The fields a refusal names.
inline std::vector<std::string> FieldsOf(const net::Response& response) {
  std::vector<std::string> fields;
  const auto parsed = json::ParseText(response.body);
  if (!parsed || !parsed->as_object().contains("errors")) return fields;
  for (const auto& error : parsed->at("errors").as_array())
    fields.emplace_back(error.at("field").as_string());
  return fields;
}

}  // namespace prov::panel
