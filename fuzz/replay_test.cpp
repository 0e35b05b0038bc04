// The corpora as plain tests: what the fuzzers found worth keeping holds in every build, without
// libFuzzer.
#include <filesystem>

#include <gtest/gtest.h>

#include "base/files.hpp"
#include "fuzz/fuzz.hpp"

namespace prov::fuzz {
namespace {

struct Fuzzer {
  const char* name;
  void (*run)(std::string_view);
};

constexpr Fuzzer kFuzzers[] = {{"manifest", FuzzManifest}, {"envelope", FuzzEnvelope},
                               {"payload", FuzzPayload},   {"http", FuzzHttp},
                               {"sse", FuzzSse},           {"journal", FuzzJournal},
                               {"masker", FuzzMasker},     {"log", FuzzLog},
                               {"resp", FuzzResp},         {"amqp", FuzzAmqp}};

const Path kCorpus = Path(PROV_SOURCE_DIR) / "fuzz/corpus";

class FuzzReplay : public testing::TestWithParam<Fuzzer> {};

TEST_P(FuzzReplay, FuzzReplay_TheCorpus_BreaksNoPromise) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus / GetParam().name)) {
    SCOPED_TRACE(entry.path().string());
    const auto bytes = ReadFile(entry.path(), 1 << 20);
    ASSERT_TRUE(bytes) << bytes.error().ToString();
    EXPECT_NO_THROW(GetParam().run(*bytes));
    ++files;
  }
  EXPECT_GT(files, 0U);
}

INSTANTIATE_TEST_SUITE_P(All, FuzzReplay, testing::ValuesIn(kFuzzers),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(FuzzReplay, FuzzReplay_EveryCorpus_HasItsFuzzer) {
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
    EXPECT_NE(std::ranges::find(kFuzzers, entry.path().filename().string(),
                                [](const Fuzzer& each) { return std::string(each.name); }),
              std::end(kFuzzers))
        << entry.path();
  }
}

}  // namespace
}  // namespace prov::fuzz
