#include "panel/api/paging.hpp"

#include "base/encoding.hpp"
#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class Lists : public ApiTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    for (const auto* id : {"b", "c", "d", "e"}) {
      AddInstaller(id);
      AddAgent(id);
    }
    ASSERT_TRUE(registry_->Reload());
    for (int i = 0; i < 5; ++i) AddJob();
    token_ = Token({"read"});
  }
  net::Response List(const std::string& query, const std::string& path = GetParam()) {
    return Ask("GET", path + query, token_);
  }
  // The ids of a page, and where it goes on ("" after the last).
  static std::pair<std::vector<std::string>, std::string> PageOf(const net::Response& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    const auto body = Read(response);
    std::vector<std::string> ids;
    for (const auto& item : body.at("items").as_array())
      ids.emplace_back(item.at("id").as_string());
    const auto& next = body.at("next_cursor");
    return {ids, next.is_null() ? "" : std::string(next.as_string())};
  }
  std::string Cursor(const std::string& path) { return PageOf(List("?limit=2", path)).second; }

  std::string token_;
};

TEST_P(Lists, InPages_AreTheWholeListOnceAndInItsOrder) {
  const auto [all, end] = PageOf(List(""));
  EXPECT_THAT(all, SizeIs(5));
  EXPECT_EQ(end, "");
  for (std::size_t limit = 1; limit <= 6; ++limit) {
    std::vector<std::string> seen;
    std::string query = "?limit=" + std::to_string(limit);
    std::string cursor;
    do {
      const auto [ids, next] = PageOf(List(query + (cursor.empty() ? "" : "&cursor=" + cursor)));
      EXPECT_LE(ids.size(), limit);
      EXPECT_FALSE(ids.empty()) << "a page that is promised has something in it";
      seen.insert(seen.end(), ids.begin(), ids.end());
      cursor = next;
    } while (!cursor.empty() && seen.size() <= all.size());
    EXPECT_EQ(seen, all) << limit;
  }
}

TEST_P(Lists, AWrongLimit_IsRefused) {
  for (const auto* limit :
       {"0", "201", "-1", "", "x", "1x", "%201", "1.0", "0x10", "+5", "99999999999999999999999"}) {
    SCOPED_TRACE(limit);
    const auto answer = List("?limit=" + std::string(limit));
    ExpectProblem(answer, 422, "invalid_parameter");
    EXPECT_THAT(FieldsOf(answer), ElementsAre("limit"));
  }
  EXPECT_EQ(List("?limit=1").status, 200);
  EXPECT_EQ(List("?limit=200").status, 200);
}

TEST_P(Lists, ACursorThatIsNotOfThisVeryList_IsRefused) {
  const auto own = Cursor(GetParam());
  ASSERT_NE(own, "");
  std::vector<std::string> wrong{
      "", "x", "null", own + "A", own.substr(1), "%00", std::string(10'000, 'A')};
  for (std::size_t i = 0; i < own.size(); i += 3) {
    auto changed = own;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    wrong.push_back(changed);
  }
  for (const std::string path : {"/api/installers", "/api/servers", "/api/jobs"}) {
    if (path != GetParam()) wrong.push_back(Cursor(path));
  }
  const auto other = *KeyRing::Create("ffffffffffffffffffffffffffffffff");
  wrong.push_back(MakeCursor(other, GetParam(), "b"));
  wrong.push_back(MakeCursor(keys_, GetParam() + "\nq=x", "b"));
  wrong.push_back(Base64UrlEncode("b"));
  for (const auto& cursor : wrong) {
    if (cursor == "%00") continue;  // is refused before any route
    SCOPED_TRACE(cursor);
    const auto answer = List("?cursor=" + cursor);
    ExpectProblem(answer, 422, "invalid_parameter");
    EXPECT_THAT(FieldsOf(answer), ElementsAre("cursor"));
  }
  EXPECT_EQ(List("?cursor=" + own).status, 200);
  EXPECT_EQ(List("?limit=7&cursor=" + own).status, 200) << "the page's size may change";
}

TEST_P(Lists, AParameterNobodyKnows_IsRefusedBesideAllThatIsWrong) {
  const auto answer = List("?limit=x&cursor=y&Limit=1&page=2");
  ExpectProblem(answer, 422, "invalid_parameter");
  EXPECT_THAT(FieldsOf(answer), UnorderedElementsAre("limit", "cursor", "Limit", "page"));
}

TEST_P(Lists, AParameterGivenTwice_IsRefused) {
  const auto answer = List("?limit=1&limit=1");
  ExpectProblem(answer, 422, "invalid_parameter");
  EXPECT_THAT(FieldsOf(answer), ElementsAre("limit"));
}

INSTANTIATE_TEST_SUITE_P(Api, Lists,
                         ::testing::Values("/api/installers", "/api/servers", "/api/jobs"),
                         [](const auto& info) { return info.param.substr(5); });

class JobList : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    token_ = Token({"read"});
  }
  std::string token_;
};

TEST_F(JobList, EveryWrongFilter_IsNamed) {
  const auto answer =
      Ask("GET",
          "/api/jobs?status=queued&status=nope&action=x&since=yesterday&until=2026-13-01T00:00:00Z"
          "&app_id=a%20b&server_id=a%2Fb&user=" +
              std::string(256, 'u'),
          token_);
  ExpectProblem(answer, 422, "invalid_parameter");
  EXPECT_THAT(FieldsOf(answer), UnorderedElementsAre("status", "action", "since", "until", "app_id",
                                                     "server_id", "user"));
  EXPECT_EQ(Ask("GET", "/api/jobs?app_id=&server_id=a", token_).status, 422);
  EXPECT_EQ(
      Ask("GET", "/api/jobs?app_id=a&server_id=A.b&user=" + std::string(255, 'u'), token_).status,
      200);
}

TEST_F(JobList, WhileJobsAreAdded_TheNextPageGoesOnWhereItWas) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(AddJob());
  const auto first = Read(Ask("GET", "/api/jobs?limit=2", token_));
  AddJob();
  AddJob();
  const auto second = Read(
      Ask("GET", "/api/jobs?limit=2&cursor=" + std::string(first.at("next_cursor").as_string()),
          token_));
  const auto& items = second.at("items").as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].at("id").as_string(), ids[1].ToString());
  EXPECT_EQ(items[1].at("id").as_string(), ids[0].ToString());
  EXPECT_TRUE(second.at("next_cursor").is_null());
}

TEST_F(JobList, ACursor_IsBoundToItsFilter) {
  for (int i = 0; i < 3; ++i) AddJob();
  const auto page = Read(Ask("GET", "/api/jobs?app_id=demo&limit=1", token_));
  const auto cursor = std::string(page.at("next_cursor").as_string());
  EXPECT_EQ(Ask("GET", "/api/jobs?app_id=demo&cursor=" + cursor, token_).status, 200);
  for (const auto* filter : {"?", "?app_id=other&", "?app_id=demo&status=queued&"}) {
    ExpectProblem(Ask("GET", std::string("/api/jobs") + filter + "cursor=" + cursor, token_), 422,
                  "invalid_parameter");
  }
}

}  // namespace
}  // namespace prov::panel
