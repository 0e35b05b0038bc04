#include "panel/auth/accounts.hpp"

#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using store::Role;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Accounts : public ApiTest {
 protected:
  Change Now() { return {"root", clock_.Now()}; }
  Result<store::User> Patch(const store::User& user, const UserPatch& patch) {
    return database_.Write(
        [&](store::Transaction& t) { return PatchUser(t, user.id, patch, Now()); });
  }
  Status Remove(const store::User& user) {
    return database_.Write([&](store::Transaction& t) { return RemoveUser(t, user.id, Now()); });
  }
  std::vector<store::User> Users() {
    return *database_.Read([](store::Transaction& t) { return t.users().List(); });
  }
};

TEST_F(Accounts, AreNamedSoThatNobodyTakesThemForAnother) {
  for (const auto* name : {"a", "0", "ann", "ann.b-c_d@example.test"})
    EXPECT_TRUE(IsUserName(name)) << name;
  const std::string wrong[] = {
      "",    "Ann",   "-ann",     ".ann",   "ann ", "a\nb", "a/b",
      "ånn", "panel", "external", "nobody", "a\tb", "a,b",  std::string(65, 'a')};
  for (const auto& name : wrong) {
    EXPECT_FALSE(IsUserName(name)) << name;
    store::User user{Uuid::MakeV7(clock_, random_), name, "h"};
    const auto added =
        database_.Write([&](store::Transaction& t) { return AddUser(t, user, Now()); });
    ASSERT_FALSE(added) << name;
    EXPECT_EQ(added.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(Users(), IsEmpty());
  EXPECT_THAT(Audited("user.created"), IsEmpty());
}

TEST_F(Accounts, OfTheLastAdministrator_StayOne) {
  const auto root = AddPerson("root", Role::kAdministrator);
  const auto other = AddPerson("other", Role::kAdministrator);
  AddPerson("ann");
  ASSERT_TRUE(Patch(other, {.disabled = true}));
  EXPECT_EQ(Patch(root, {.disabled = true}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Patch(root, {.role = Role::kUser}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Remove(root).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(Patch(other, {.role = Role::kUser})) << "this one could not sign in";
  ASSERT_TRUE(Patch(other, {.role = Role::kAdministrator, .disabled = false}));
  EXPECT_TRUE(Patch(root, {.role = Role::kUser}));
  EXPECT_EQ(Remove(other).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(Remove(root));
  EXPECT_THAT(Users(), SizeIs(2));
  EXPECT_THAT(Audited("user.changed"), SizeIs(4));
  EXPECT_THAT(Audited("user.removed"), SizeIs(1));
}

TEST_F(Accounts, ThatStayAsTheyAre_AreNotAudited) {
  const auto root = AddPerson("root", Role::kAdministrator);
  EXPECT_TRUE(Patch(root, {.role = Role::kAdministrator, .disabled = false}));
  EXPECT_TRUE(Patch(root, {}));
  EXPECT_THAT(Audited("user.changed"), IsEmpty());
}

TEST_F(Accounts, OfPeopleWhoAreGone_LeaveNoTokenForTheNextOfThatName) {
  AddPerson("root", Role::kAdministrator);
  const auto ann = AddPerson("ann");
  const auto token = Token({"jobs"});  // ann's
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
  ASSERT_TRUE(Remove(ann));
  AddPerson("ann");
  clock_.Advance(Seconds{2});
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 401);
}

TEST_F(Accounts, ThatAreDisabled_TakeTheirTokensWithThem) {
  AddPerson("root", Role::kAdministrator);
  const auto ann = AddPerson("ann");
  const auto token = Token({"jobs"});
  ASSERT_TRUE(Patch(ann, {.disabled = true}));
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 401);
  ASSERT_TRUE(Patch(ann, {.disabled = false}));
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200) << "nothing was revoked";
}

TEST_F(Accounts, ThatAreAdministratorsNoLonger_HaveNoTokenThatIsOne) {
  AddPerson("root", Role::kAdministrator);
  const auto ann = AddPerson("ann", Role::kAdministrator);
  const auto token = Token({"admin", "read"});
  EXPECT_EQ(Ask("GET", "/api/users", token).status, 200);
  ASSERT_TRUE(Patch(ann, {.role = Role::kUser}));
  clock_.Advance(Seconds{2});
  ExpectProblem(Ask("GET", "/api/users", token), 403, "forbidden");
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
}

TEST_F(Accounts, ThatAreAdministratorsNoLonger_HaveNoTokenThatMayMoreThanTheyDo) {
  AddPerson("root", Role::kAdministrator);
  const auto ann = AddPerson("ann", Role::kAdministrator);
  const auto token = Token({"metrics", "jobs"});
  EXPECT_EQ(Ask("GET", "/api/metrics", token).status, 200);
  ASSERT_TRUE(Patch(ann, {.role = Role::kUser}));
  clock_.Advance(Seconds{2});
  ExpectProblem(Ask("GET", "/api/metrics", token), 403, "forbidden");
  EXPECT_EQ(Ask("GET", "/api/jobs", token).status, 200);
  ASSERT_TRUE(Patch(ann, {.role = Role::kAdministrator}));
  clock_.Advance(Seconds{2});
  EXPECT_EQ(Ask("GET", "/api/metrics", token).status, 200);
}

TEST_F(Accounts, MadeAtThePanelsMachine_MaySignIn) {
  const auto make = [&](const char* name, const char* password) {
    return MakeUser(database_, name, Role::kAdministrator, password, clock_, random_);
  };
  EXPECT_EQ(make("root", "short").error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(make("root", kPassword));
  EXPECT_EQ(make("root", kPassword).error().code, ErrorCode::kConflict);
  const auto browser = SignedInAs("root");
  EXPECT_EQ(AskAs(browser, "GET", "/api/users").status, 200);
  ASSERT_TRUE(ResetPassword(database_, "root", "another battery", clock_, random_));
  EXPECT_EQ(AskAs(browser, "GET", "/api/users").status, 401);
  EXPECT_EQ(TrySignIn("root").status, 401);
  EXPECT_EQ(TrySignIn("root", "another battery").status, 200);
  EXPECT_EQ(ResetPassword(database_, "eve", kPassword, clock_, random_).error().code,
            ErrorCode::kNotFound);
  EXPECT_THAT(*ListUsers(database_), ::testing::HasSubstr("root  administrator"));
}

}  // namespace
}  // namespace prov::panel
