#include "panel/metrics/metrics.hpp"

#include <sstream>

#include <re2/re2.h>

#include "base/files.hpp"
#include "panel/api/api_fixture_test.hpp"

namespace prov::panel {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A figure's type and labels, as text: "gauge app status".
using Figures = std::map<std::string, std::string>;

class MetricsTest : public ApiTest {
 protected:
  std::string Text() {
    auto text = Await(metrics_->Text());
    EXPECT_TRUE(text) << text.error().ToString();
    return text ? *text : "";
  }
  job::Record Ended(job::Status status, std::optional<job::FailureKind> kind = std::nullopt) {
    job::Record record;
    record.app_id = "demo";
    record.status = status;
    record.failure_kind = kind;
    record.started_at = clock_.Now();
    record.finished_at = clock_.Now() + Seconds{7};
    return record;
  }
  static Figures Described() {
    const auto page =
        ReadFile(Path(PROV_SOURCE_DIR) / "docs/operations/metrics.md", std::size_t{1} << 20);
    EXPECT_TRUE(page);
    Figures figures;
    std::istringstream lines(page ? *page : "");
    std::string name, type, labels, label;
    for (std::string line; std::getline(lines, line);) {
      static const RE2 kRow(R"(\| `(provisioning_\w+)` \| (\w+) \| (.*?)\| .+ \|)");
      if (!RE2::FullMatch(line, kRow, &name, &type, &labels)) continue;
      auto& figure = figures[name] = type;
      for (re2::StringPiece rest = labels; RE2::FindAndConsume(&rest, "`([a-z]+)`", &label);)
        figure += " " + label;
    }
    return figures;
  }
  static Figures Told(const std::string& text) {
    Figures figures;
    std::string name, type, label;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (RE2::FullMatch(line, "# TYPE (\\w+) (\\w+)", &name, &type)) figures[name] = type;
      if (line.starts_with('#')) continue;
      std::string figure = figures[name].substr(0, figures[name].find(' '));
      for (re2::StringPiece rest = line; RE2::FindAndConsume(&rest, "([a-z]+)=\"", &label);) {
        if (label != "le") figure += " " + label;
      }
      figures[name] = figure;
    }
    return figures;
  }
};

TEST_F(MetricsTest, EveryFigure_IsOnItsPageAsItIs_AndNothingElseIs) {
  AddJob();
  metrics_->JobFinished(Ended(job::Status::kFailed, job::FailureKind::kOom));
  net::AccessEntry entry;
  entry.route = "/api/jobs";
  entry.status = 200;
  metrics_->RequestAnswered(entry);
  const auto told = Told(Text());
  EXPECT_EQ(told, Described());
  EXPECT_EQ(told.at("provisioning_jobs"), "gauge app status") << "the test reads labels";
}

TEST_F(MetricsTest, Failures_AreCountedByKind_OrByStatusWhereThereIsNone) {
  metrics_->JobFinished(Ended(job::Status::kSucceeded));
  metrics_->JobFinished(Ended(job::Status::kFailed, job::FailureKind::kOom));
  metrics_->JobFinished(Ended(job::Status::kExpired));
  const auto text = Text();
  for (const char* kind : {"oom", "expired"}) {
    EXPECT_THAT(text, HasSubstr("provisioning_job_failures_total{app=\"demo\",kind=\"" +
                                std::string(kind) + "\"} 1\n"));
  }
  EXPECT_THAT(text, Not(HasSubstr("kind=\"succeeded\"")));
  EXPECT_THAT(text, HasSubstr("provisioning_job_duration_seconds_count{app=\"demo\"} 3\n"));
}

TEST_F(MetricsTest, ApplicationsThatTheCatalogueHasNot_AreOneSeries) {
  for (const char* app : {"invented-1", "invented-2"}) {
    auto record = Ended(job::Status::kFailed, job::FailureKind::kOom);
    record.app_id = app;
    metrics_->JobFinished(record);
    AddJob(kAgent, "", app);
  }
  AddJob();
  const auto text = Text();
  EXPECT_THAT(text, Not(HasSubstr("invented")));
  for (const char* figure : {"provisioning_job_failures_total{app=\"other\",kind=\"oom\"} 2\n",
                             "provisioning_job_duration_seconds_count{app=\"other\"} 2\n",
                             "provisioning_jobs{app=\"other\",status=\"queued\"} 2\n",
                             "provisioning_jobs{app=\"demo\",status=\"queued\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(figure));
}

TEST_F(MetricsTest, AJobThatIsLost_HasNoDuration) {
  metrics_->JobFinished(Ended(job::Status::kLost));
  EXPECT_THAT(Text(), HasSubstr("kind=\"lost\"} 1\n"));
  EXPECT_THAT(Text(), Not(HasSubstr("duration_seconds_count{")));
}

TEST_F(MetricsTest, AJobCanceledWhileItWasQueued_IsAFailureOnce) {
  dispatcher_->OnFinished([this](const job::Record& record) { metrics_->JobFinished(record); });
  const auto token = Token({"admin"});
  const auto id = AddJob().ToString();
  EXPECT_EQ(Ask("POST", "/api/jobs/" + id + "/cancel", token).status, 202);
  EXPECT_EQ(Ask("POST", "/api/jobs/" + id + "/cancel", token).status, 409);
  const auto dispatched = AddJob();
  Put(dispatched, job::Status::kDispatched);
  EXPECT_EQ(Ask("POST", "/api/jobs/" + dispatched.ToString() + "/cancel", token).status, 202);
  EXPECT_THAT(Text(),
              HasSubstr("provisioning_job_failures_total{app=\"demo\",kind=\"canceled\"} 1\n"))
      << "the second is its agent's to end";
}

}  // namespace
}  // namespace prov::panel
