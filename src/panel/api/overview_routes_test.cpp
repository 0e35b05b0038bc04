// What people's pages show beside the lists: statistics, preflights, what is installed, the audit.
#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class PeoplesPages : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    token_ = Token({"read"});
    admin_ = Token({"admin"});
  }
  boost::json::object Get(const std::string& target) {
    const auto answer = Ask("GET", target, token_);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return Read(answer);
  }
  Uuid Succeeded() {
    const auto id = AddJob();
    Put(id, job::Status::kDispatched);
    Put(id, job::Status::kSucceeded, 1);
    return id;
  }
  net::Response Preflight(const std::string& body, const std::string& app = "demo") {
    return Ask("POST", "/api/installers/" + app + "/preflight", token_, body);
  }
  std::string token_;
  std::string admin_;
};

TEST_F(PeoplesPages, AnInstaller_SaysHowItsJobsWent) {
  const boost::json::object none{{"jobs", 0},
                                 {"succeeded", 0},
                                 {"success_rate", nullptr},
                                 {"usual_seconds", nullptr},
                                 {"last_used_at", nullptr}};
  EXPECT_EQ(Get("/api/installers/demo").at("statistics"), none);
  EXPECT_EQ(Get("/api/installers").at("items").at(0).at("statistics"), none);
  Succeeded();
  const auto failed = AddJob();
  Put(failed, job::Status::kDispatched);
  Put(failed, job::Status::kFailed, 1);
  AddJob();
  const auto seen = Get("/api/installers/demo").at("statistics");
  EXPECT_EQ(seen, Get("/api/installers").at("items").at(0).at("statistics"));
  EXPECT_EQ(seen.at("jobs"), 3);
  EXPECT_EQ(seen.at("succeeded"), 1);
  EXPECT_EQ(seen.at("success_rate"), 0.5);
  EXPECT_EQ(seen.at("last_used_at").as_string(), FormatTime(clock_.Now()));
}

TEST_F(PeoplesPages, APreflight_SaysOfEachServerWhatASubmitWould) {
  AddAgent("agent-2");
  ASSERT_TRUE(database_.Write([&](store::Transaction& t) -> Status {
    PROV_TRY(auto agent, t.agents().Get(Admin(), "agent-2"));
    agent.sealing_key = "";
    return t.agents().Update(agent, 1);
  }));
  const auto answer = Preflight(R"({"servers": ["agent-2", "gone", "agent-1"]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto items = Read(answer).at("items").as_array();
  ASSERT_EQ(items.size(), 3U);
  const auto code = [&](std::size_t i) { return items[i].at("reasons").at(0).at("code"); };
  EXPECT_EQ(items[0].at("suitable"), false);
  EXPECT_EQ(code(0), "server_not_registered");
  EXPECT_EQ(items[1].at("suitable"), false);
  EXPECT_EQ(code(1), "unknown_server");
  EXPECT_EQ(items[2], (boost::json::value{{"server_id", "agent-1"},
                                          {"suitable", true},
                                          {"reasons", boost::json::array()},
                                          {"errors", boost::json::array()}}));
  EXPECT_THAT(Jobs(), IsEmpty());
}

TEST_F(PeoplesPages, APreflight_LooksAtTheInputsAsASubmitWould) {
  AddInstaller("ported", "inputs:\n  - {name: port, type: port, label: Port, required: true}\n");
  ASSERT_TRUE(WriteFileAtomically(InstallersDirectory() / "ported/uninstall.sh", "true\n", 0644));
  ASSERT_TRUE(registry_->Reload());
  const auto errors = [&](const std::string& more) {
    const auto answer = Preflight(R"({"servers": ["agent-1"], )" + more + "}", "ported");
    EXPECT_EQ(answer.status, 200) << answer.body;
    const auto item = Read(answer).at("items").at(0);
    EXPECT_EQ(item.at("suitable"), true) << "the server is";
    std::map<std::string, std::string> told;
    for (const auto& error : item.at("errors").as_array())
      told.emplace(error.at("field").as_string(), error.at("rule").as_string());
    return told;
  };
  using Told = std::map<std::string, std::string>;
  EXPECT_EQ(errors(R"("inputs": {"port": 80})"), Told());
  EXPECT_EQ(errors(R"("inputs": {})"), (Told{{"port", "required"}}));
  EXPECT_EQ(errors(R"("inputs": {"port": 80, "no": 1})"), (Told{{"no", "unknown"}}));
  EXPECT_EQ(errors(R"("inputs": {}, "action": "uninstall")"), Told()) << "it binds no uninstall";
  EXPECT_EQ(errors(R"("action": "install")"), Told()) << "none were given";
}

TEST_F(PeoplesPages, AJobThatWaits_SaysForWhatAndHowManyAreAhead) {
  const auto first = AddJob();
  const auto second = AddJob();
  const auto of = [&](const Uuid& id) { return Get("/api/jobs/" + id.ToString()); };
  EXPECT_EQ(of(first).at("waiting_for").at("kind"), "server_offline");
  dispatcher_->Seen(kAgent);
  EXPECT_EQ(of(first).at("queue_position"), 1);
  EXPECT_EQ(of(second).at("queue_position"), 2);
  EXPECT_EQ(of(second).at("waiting_for").at("kind"), "queue");
  const auto listed = Get("/api/jobs").at("items").as_array();
  EXPECT_EQ(listed.at(0).at("queue_position"), 2);
  EXPECT_EQ(listed.at(1).at("queue_position"), 1);
  Put(first, job::Status::kDispatched);
  Put(first, job::Status::kRunning, 1);
  EXPECT_EQ(of(first).at("waiting_for"), nullptr);
  EXPECT_EQ(of(first).at("queue_position"), nullptr);
  EXPECT_EQ(of(second).at("queue_position"), 1);
  Put(first, job::Status::kRetryWait, 1);
  EXPECT_EQ(of(first).at("waiting_for").at("kind"), "retry");
  EXPECT_EQ(of(first).at("queue_position"), nullptr);
}

TEST_F(PeoplesPages, ABrokenInstaller_ShowsTheLineThatIsWrong) {
  AddInstaller("broken", "timout_seconds: 5\n");
  ASSERT_TRUE(registry_->Reload());
  const auto errors = Get("/api/installers/broken").at("errors").as_array();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].at("source"), "timout_seconds: 5");
  AddInstaller("broken", "timout_seconds: " + std::string(500, 'x') + "\n");
  ASSERT_TRUE(registry_->Reload());
  const auto long_line = Get("/api/installers/broken").at("errors").at(0);
  EXPECT_EQ(long_line.at("source").as_string(), "timout_seconds: " + std::string(184, 'x'));
  std::filesystem::remove(InstallersDirectory() / "broken/manifest.yml");
  ASSERT_TRUE(registry_->Reload());
  EXPECT_FALSE(Get("/api/installers/broken").at("errors").at(0).as_object().contains("source"));
}

TEST_F(PeoplesPages, AServer_ShowsWhatElseItTold) {
  const auto facts = [&] { return Get("/api/servers/agent-1").at("facts"); };
  EXPECT_EQ(facts(), boost::json::object());
  job::Facts told;
  told.os = {"ubuntu", "24.04", "Ubuntu", "amd64", std::vector<std::string>{"debian", "linux"}};
  told.epoch = {clock_.Now(), std::nullopt, "first start", std::nullopt};
  ASSERT_TRUE(database_.Write([&](store::Transaction& t) -> Status {
    PROV_TRY(auto agent, t.agents().Get(Admin(), kAgent));
    agent.facts = json::Write(told);
    return t.agents().Update(agent, 1);
  }));
  EXPECT_EQ(facts(), (boost::json::object{{"epoch", epoch_.ToString()},
                                          {"epoch_since", FormatTime(clock_.Now())},
                                          {"epoch_reason", "first start"},
                                          {"os_like", "debian linux"}}));
}

TEST_F(PeoplesPages, APreflightThatIsWrong_IsAProblem) {
  ExpectProblem(Preflight(R"({"servers": ["agent-1"]})", "gone"), 404, "unknown_app");
  ExpectProblem(Preflight(R"({"servers": ["agent-1"], "action": "upgrade"})"), 422,
                "action_not_supported");
  ExpectProblem(Preflight("{}"), 422, "invalid_input");
  for (const auto& servers : {boost::json::array(), boost::json::array(201, "agent-1")}) {
    const auto refused = Preflight(json::Serialize(boost::json::object{{"servers", servers}}));
    ExpectProblem(refused, 422, "invalid_input");
    EXPECT_THAT(FieldsOf(refused), ElementsAre("/servers"));
  }
}

TEST_F(PeoplesPages, AServer_ShowsWhatIsInstalled) {
  EXPECT_THAT(Get("/api/servers/agent-1/applications").at("items").as_array(), IsEmpty());
  Succeeded();
  const auto last = Succeeded();
  const auto items = Get("/api/servers/agent-1/applications").at("items").as_array();
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].at("app_id"), "demo");
  EXPECT_EQ(items[0].at("job_id").as_string(), last.ToString());
  ExpectProblem(Ask("GET", "/api/servers/gone/applications", token_), 404, "unknown_server");
}

TEST_F(PeoplesPages, AnEnrolmentToken_IsMadeForANewServerAndShownWithItsCommand) {
  const auto ask = [&](const std::string& id, const std::string& host = "panel.example:5000") {
    return Ask("POST", "/api/enrolment-tokens", admin_,
               json::Serialize(boost::json::object{{"server_id", id}}), {{"Host", host}});
  };
  const auto made = ask("web-1");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto token = std::string(Read(made).at("token").as_string());
  EXPECT_EQ(Read(made).at("command").as_string(),
            "printf %s '" + token +
                "' | provisioning-agent enroll --panel 'http://panel.example:5000' --id web-1");
  EXPECT_EQ(Read(made).at("expires_at").as_string(),
            FormatTime(clock_.Now() + std::chrono::hours{1}));
  EXPECT_THAT(Audited("enrolment_token.created"), SizeIs(1));
  EXPECT_THAT(ask("web-2", "x';rm -rf /;'").body, HasSubstr("--panel 'http://PANEL'"));
  ExpectProblem(ask("agent-1"), 409, "already_registered");
  ExpectProblem(ask("a b; c"), 422, "invalid_input");
  EXPECT_THAT(Audited("enrolment_token.created"), SizeIs(2));
  EXPECT_EQ(log_.text.find(token), std::string::npos);
}

TEST_F(PeoplesPages, JobsAreCountedByStatus) {
  Succeeded();
  AddJob();
  AddJob();
  EXPECT_EQ(Get("/api/jobs/counts").at("by_status"),
            (boost::json::value{{"queued", 2}, {"succeeded", 1}}));
  EXPECT_EQ(Get("/api/jobs/counts?app_id=other").at("by_status"), boost::json::object());
  EXPECT_EQ(Get("/api/jobs/counts?status=failed").at("by_status").as_object().size(), 2U);
  const auto refused = Ask("GET", "/api/jobs/counts?limit=1&app_id=A&since=x", token_);
  ExpectProblem(refused, 422, "invalid_parameter");
  EXPECT_THAT(FieldsOf(refused), UnorderedElementsAre("limit", "app_id", "since"));
}

TEST_F(PeoplesPages, AnOverview_GoesBackAMonthAtMost) {
  Succeeded();
  const auto day = Get("/api/overview");
  EXPECT_EQ(day.at("success_rate"), 1.0);
  EXPECT_EQ(day.at("agents").at("never_seen"), 1);
  EXPECT_GE(day.at("jobs_by_hour").as_array().size(), 25U);
  const auto since = [&](Seconds ago) {
    return Ask("GET", "/api/overview?since=" + FormatTime(clock_.Now() - ago), token_);
  };
  EXPECT_EQ(since(std::chrono::hours{24 * 31}).status, 200);
  for (const auto& ago : {Seconds{std::chrono::hours{24 * 31}} + Seconds{1}, Seconds{-1}})
    ExpectProblem(since(ago), 422, "invalid_parameter");
  ExpectProblem(Ask("GET", "/api/overview?since=x&until=y", token_), 422, "invalid_parameter");
}

class AuditRoutes : public PeoplesPages {
 protected:
  std::vector<std::string> Ids(const boost::json::object& page) {
    std::vector<std::string> ids;
    for (const auto& item : page.at("items").as_array())
      ids.emplace_back(item.at("id").as_string());
    return ids;
  }
  boost::json::object List(const std::string& query) {
    const auto answer = Ask("GET", "/api/audit" + query, admin_);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return Read(answer);
  }
};

TEST_F(AuditRoutes, TheAudit_IsPagedNewestFirstAndFiltered) {
  AddPerson("bob");
  SignedInAs("bob");
  const auto all = Ids(List(""));  // two tokens, a user, a session
  EXPECT_THAT(all, ElementsAre("4", "3", "2", "1"));
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const auto page = List("?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (auto& id : Ids(page)) seen.push_back(id);
    cursor = page.at("next_cursor").is_null() ? "" : page.at("next_cursor").as_string().c_str();
    AddPerson("p" + std::to_string(seen.size()));  // added while one reads
  } while (!cursor.empty());
  EXPECT_EQ(seen, all);
  const auto session = List("?action=session.created&user=bob").at("items").as_array();
  ASSERT_EQ(session.size(), 1U);
  EXPECT_EQ(session[0].at("ip"), "192.0.2.1");
  EXPECT_EQ(session[0].at("detail"), R"({"address":"192.0.2.1"})");
  EXPECT_THAT(Ids(List("?until=" + FormatTime(clock_.Now() - Seconds{1}))), IsEmpty());
  EXPECT_THAT(Ids(List("?since=" + FormatTime(clock_.Now() + Seconds{1}))), IsEmpty());
}

TEST_F(AuditRoutes, WhatIsWrongWithAQuestion_IsNamed) {
  const auto refused =
      Ask("GET",
          "/api/audit?limit=0&cursor=x&since=y&more=1&user=" + std::string(256, 'u') +
              "&action=" + std::string(65, 'a'),
          admin_);
  ExpectProblem(refused, 422, "invalid_parameter");
  EXPECT_THAT(FieldsOf(refused),
              UnorderedElementsAre("limit", "cursor", "since", "more", "user", "action"));
}

TEST_F(AuditRoutes, TheChain_IsVerified) {
  EXPECT_EQ(Read(Ask("POST", "/api/audit/verify", admin_)),
            (boost::json::object{{"ok", true}, {"entries", 2}, {"first_bad", nullptr}}));
}

TEST_F(AuditRoutes, AChainThatWasTamperedWith_IsSaidToBe) {
  Close();
  UseSqlite();
  ApiTest::SetUp();
  admin_ = Token({"admin"});
  AddPerson("bob");
  const auto command = "sqlite3 " + DatabaseFile().string() +
                       " \"UPDATE audit SET user_id = 'eve' WHERE sequence = 2\"";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto verdict = Read(Ask("POST", "/api/audit/verify", admin_));
  EXPECT_EQ(verdict.at("ok"), false);
  EXPECT_EQ(verdict.at("first_bad").at("id"), "2");
  EXPECT_THAT(std::string(verdict.at("first_bad").at("reason").as_string()), HasSubstr("changed"));
}

TEST_F(AuditRoutes, OfAJob_AreForWhoeverSeesTheJob) {
  const auto made = Ask("POST", "/api/jobs", Token({"jobs"}),
                        R"({"app_id": "demo", "server_id": "agent-1",)"
                        R"( "inputs": {"site": "a", "token": "12345678"}})");
  ASSERT_EQ(made.status, 202) << made.body;
  const auto path = std::string(*made.headers.Find("Location"));
  EXPECT_EQ(Ask("POST", path + "/cancel", Token({"jobs"})).status, 202);
  const auto items = Get(path + "/audit").at("items").as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].at("action"), "job.created");
  EXPECT_EQ(items[1].at("action"), "job.cancel_requested");
  EXPECT_EQ(items[1].at("user"), "ann");
  ExpectProblem(
      Ask("GET", "/api/jobs/" + Uuid::MakeV7(clock_, random_).ToString() + "/audit", token_), 404,
      "not_found");
}

}  // namespace
}  // namespace prov::panel
