// Replays those of tests/vectors/contract/script.json that are about attempts.
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "base/json.hpp"
#include "contract/exit_code.hpp"
#include "job/retry.hpp"

namespace prov::job {
namespace {

AttemptEnd EndOf(const boost::json::object& after) {
  if (after.contains("interrupted")) return AttemptEnd::kInterrupted;
  contract::ProcessEnd end;
  if (const auto* code = after.if_contains("exit_code")) {
    end.exit_code = static_cast<int>(code->as_int64());
  }
  if (const auto* signal = after.if_contains("signal")) {
    end.signal = static_cast<int>(signal->as_int64());
  }
  end.timed_out = after.contains("timed_out");
  return contract::Judge(end, false) == contract::Verdict::kFailedInstallation
             ? AttemptEnd::kInstallationError
             : AttemptEnd::kFinal;
}

TEST(ContractVectors, EveryRetry_ComesWhenItsVectorSays) {
  const auto path = Path(PROV_SOURCE_DIR) / "tests/vectors/contract/script.json";
  const auto vectors = json::ParseText(ReadFile(path, 1 << 20).value()).value();
  std::size_t seen = 0;
  for (const auto& vector : vectors.as_array()) {
    const auto* given = vector.as_object().if_contains("retry");
    if (given == nullptr) continue;
    ++seen;
    RetryPolicy policy;
    policy.max_attempts = given->at("max_attempts").to_number<std::uint32_t>();
    policy.backoff_seconds = given->at("backoff_seconds").to_number<std::uint32_t>();
    const auto delay = DelayBeforeNextAttempt(policy, given->at("idempotent").as_bool(),
                                              EndOf(vector.at("after").as_object()),
                                              given->at("attempt").to_number<std::uint32_t>());
    const boost::json::value told =
        delay ? boost::json::value(std::int64_t{delay->count()}) : boost::json::value(nullptr);
    const auto& expect = vector.at("expect");
    EXPECT_EQ(told, expect.is_string() ? vector.at("delay_seconds") : expect.at("delay_seconds"))
        << vector.at("name");
  }
  EXPECT_GT(seen, 0U);
}

}  // namespace
}  // namespace prov::job
