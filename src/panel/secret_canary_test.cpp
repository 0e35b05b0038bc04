// A secret input on its whole way through the panel. Wherever it could stay (every byte of the
// store's files, every answer, every log) it is looked for, in every spelling that gives it back.
#include "base/encoding.hpp"
#include "base/sha256.hpp"
#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

constexpr std::string_view kCanary = "Canary+7f3a/Zwölf&Elf";
constexpr std::string_view kPlain = "plain-7f3a.example.test";

// What a text can be read back from, or be guessed by: raw, base64 at each of its three
// alignments, hex, and the bare hash of it (a password is guessed by that).
std::vector<std::string> SpellingsOf(std::string_view text) {
  std::vector<std::string> all{std::string(text), HexEncode(text)};
  for (std::size_t skip = 0; skip < 3; ++skip) {
    // Whole groups only: what depends on the neighbours is left out.
    const auto from = text.substr(skip);
    const auto whole = from.substr(0, from.size() / 3 * 3);
    all.push_back(Base64Encode(whole));
    all.push_back(Base64UrlEncode(whole));
  }
  all.push_back(Sha256(text));
  all.push_back(HexEncode(Sha256(text)));
  all.push_back(Base64Encode(Sha256(text)));
  return all;
}

class SecretCanary : public ApiTest {
 protected:
  void SetUp() override {
    UseSqlite();
    ApiTest::SetUp();
    token_ = Token({"admin"});
  }

  // Asks, and keeps the answer with all its headers.
  net::Response Keep(const std::string& method, const std::string& target,
                     const std::string& body = "", const std::string& key = "") {
    std::vector<std::pair<std::string, std::string>> headers;
    if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
    auto answer = Ask(method, target, token_, body, headers);
    answers_ += answer.body + "\n";
    for (const auto& [name, value] : answer.headers.all()) answers_ += name + ": " + value + "\n";
    bodies_.push_back(body);
    return answer;
  }
  static std::string Body(const boost::json::object& inputs) {
    return json::Serialize(
        boost::json::object{{"app_id", "demo"}, {"server_id", kAgent}, {"inputs", inputs}});
  }
  static boost::json::object Inputs() { return {{"site", kPlain}, {"token", kCanary}}; }
  Uuid Made(const net::Response& answer) {
    EXPECT_EQ(answer.status, 202) << answer.body;
    return *Uuid::Parse(std::string(Read(answer).at("id").as_string()));
  }

  // All the store keeps: the file, and what is beside it.
  std::string StoredBytes() {
    std::string bytes;
    for (const auto& each : std::filesystem::directory_iterator(directory_.path())) {
      if (!each.path().filename().string().starts_with("panel.db")) continue;
      const auto read = ReadFile(each.path(), std::size_t{64} << 20);
      EXPECT_TRUE(read) << each.path();
      bytes += *read;
    }
    return bytes;
  }
  static std::vector<std::string> FoundIn(const std::string& where, std::string_view text) {
    std::vector<std::string> found;
    for (const auto& spelling : SpellingsOf(text)) {
      if (where.find(spelling) != where.npos) found.push_back(spelling);
    }
    return found;
  }

  std::string token_;
  std::string answers_;
  std::vector<std::string> bodies_;
};

TEST_F(SecretCanary, IsNowhereAfterItsWholeLife) {
  // Made, made again, refused for other inputs, and with the key of another body.
  const auto id = Made(Keep("POST", "/api/jobs", Body(Inputs()), "k"));
  EXPECT_EQ(Keep("POST", "/api/jobs", Body(Inputs()), "k").status, 202);
  EXPECT_EQ(Keep("POST", "/api/jobs", Body(Inputs()) + " ", "k").status, 422);
  // Handed over, run, ended.
  const auto other = Made(Keep("POST", "/api/jobs", Body(Inputs())));
  Put(id, job::Status::kDispatched);
  Put(id, job::Status::kRunning, 1);
  Keep("GET", "/api/jobs/" + id.ToString());
  Put(id, job::Status::kFailed, 1);
  Keep("POST", "/api/jobs/" + other.ToString() + "/cancel");
  const auto retry =
      json::Serialize(boost::json::object{{"inputs", boost::json::object{{"token", kCanary}}}});
  EXPECT_EQ(Keep("POST", "/api/jobs/" + id.ToString() + "/retry", retry, "r").status, 202);
  // Every way to put it where it does not belong.
  const std::string canary(kCanary);
  const boost::json::object wrong[] = {
      {{"site", kPlain}, {"token", kCanary}, {"token2", kCanary}},
      {{"site", 7}, {"token", kCanary}},
      {{"site", kPlain}, {"token", boost::json::array{kCanary}}},
      {{"site", kPlain}, {"token", boost::json::object{{"is", kCanary}}}},
      {{"site", kPlain}, {"token", canary + std::string(100'000, 'x')}},
      {{"site", kPlain}, {"token", canary + "\n"}},
  };
  for (const auto& inputs : wrong) {
    EXPECT_GE(Keep("POST", "/api/jobs", Body(inputs)).status, 400) << json::Serialize(inputs);
    Keep("POST", "/api/installers/demo/validate",
         json::Serialize(boost::json::object{{"inputs", inputs}}));
  }
  EXPECT_EQ(Keep("POST", "/api/jobs", Body(Inputs()) + "}").status, 400);
  const auto more = json::Serialize(
      boost::json::object{{"inputs", boost::json::object{{"token", kCanary}, {"site", kCanary}}}});
  EXPECT_EQ(Keep("POST", "/api/jobs/" + id.ToString() + "/retry", more).status, 422);
  // Everything that shows something.
  for (const auto* path :
       {"/api/jobs", "/api/servers", "/api/servers/agent-1", "/api/installers",
        "/api/installers/demo", "/api/installers/demo/schema", "/api/metrics", "/api/health"}) {
    EXPECT_EQ(Keep("GET", path).status, 200) << path;
  }
  for (const auto& job : Jobs()) {
    Keep("GET", "/api/jobs/" + job.id.ToString());
    Keep("GET", "/api/jobs/" + job.id.ToString() + "/log");
  }

  // What looks for it finds what is there.
  EXPECT_THAT(FoundIn(StoredBytes(), kPlain), Contains(std::string(kPlain)));
  EXPECT_THAT(FoundIn(answers_, kPlain), Contains(std::string(kPlain)));

  EXPECT_THAT(FoundIn(StoredBytes(), kCanary), IsEmpty());
  EXPECT_THAT(FoundIn(answers_, kCanary), IsEmpty());
  EXPECT_THAT(FoundIn(log_.text, kCanary), IsEmpty());
  // A bare hash of a body would let the secret in it be guessed.
  for (const auto& body : bodies_) {
    if (body.empty()) continue;
    EXPECT_EQ(StoredBytes().find(Sha256(body)), std::string::npos);
    EXPECT_EQ(StoredBytes().find(HexEncode(Sha256(body))), std::string::npos);
  }
}

TEST_F(SecretCanary, ItsSealedBoxGoesWithTheJob) {
  const auto id = Made(Keep("POST", "/api/jobs", Body(Inputs())));
  const auto envelope =
      (*database_.Read([&](store::Transaction& t) { return t.jobs().GetDelivery(id); }))->envelope;
  ASSERT_NE(envelope, "");
  Put(id, job::Status::kDispatched);
  Put(id, job::Status::kSucceeded, 1);
  const auto after =
      *database_.Read([&](store::Transaction& t) { return t.jobs().GetDelivery(id); });
  EXPECT_TRUE(!after || after->envelope.empty());
}

}  // namespace
}  // namespace prov::panel
