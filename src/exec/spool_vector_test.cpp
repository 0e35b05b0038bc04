// The exit record and `cgroup` over tests/vectors/exec/spool.json, made by another implementation.
#include <fstream>
#include <functional>

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "exec/spool.hpp"
#include "support/temporary_directory.hpp"
#include "support/vectors.hpp"

namespace prov::exec {
namespace {

using boost::json::value;

// A file of the spool, read and written again into the directory of an attempt.
struct Kind {
  const char* name;
  Path (AttemptPaths::*path)() const;
  std::function<Result<std::string>(const AttemptPaths&)> read;  // as it would be written
  std::function<Status(const AttemptPaths&)> write_again;
};

template <class Record>
Kind MakeKind(const char* name, Path (AttemptPaths::*path)() const,
              Result<std::optional<Record>> (*read)(const AttemptPaths&),
              Status (*write)(const AttemptPaths&, const Record&)) {
  return {name, path,
          [read](const AttemptPaths& attempt) -> Result<std::string> {
            PROV_TRY(const auto record, read(attempt));
            return json::Write(record.value());
          },
          [read, write](const AttemptPaths& attempt) -> Status {
            PROV_TRY(const auto record, read(attempt));
            return write(attempt, record.value());
          }};
}

class SpoolVectors : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { std::filesystem::create_directory(attempt_.directory); }
  Path File() const { return (attempt_.*GetParam().path)(); }
  void Put(const value& row, std::string text) const {
    const auto* size = row.is_object() ? row.as_object().if_contains("pad_to") : nullptr;
    if (size != nullptr) text.resize(size->to_number<std::size_t>(), ' ');
    std::filesystem::remove(File());
    std::ofstream(File(), std::ios::binary) << text;
  }
  Result<std::string> Read() const { return GetParam().read(attempt_); }

  const value vectors_ = test::Vectors("exec/spool.json").at(GetParam().name);
  const test::TemporaryDirectory directory_;
  const AttemptPaths attempt_{directory_.path() / "1"};
};

TEST_P(SpoolVectors, Records_AreReadAndWrittenByteForByte) {
  for (const auto& text : test::RowsAt(vectors_, "valid")) {
    SCOPED_TRACE(text.as_string());
    Put(text, std::string(text.as_string()));
    const auto written = GetParam().write_again(attempt_);
    ASSERT_TRUE(written) << written.error().ToString();
    EXPECT_EQ(ReadFile(File(), kReservedExitBytes).value(), text.as_string());
  }
}

TEST_P(SpoolVectors, RecordsOfAnotherBuild_AreReadAsFarAsTheyAreKnown) {
  for (const auto& row : test::RowsAt(vectors_, "tolerated")) {
    SCOPED_TRACE(test::TextAt(row, "name"));
    Put(row, test::TextAt(row, "text"));
    const auto read = Read();
    ASSERT_TRUE(read) << read.error().ToString();
    EXPECT_EQ(*read, test::TextAt(row, "same"));
  }
}

TEST_P(SpoolVectors, EveryOtherRecord_IsDamaged) {
  for (const auto& row : test::RowsAt(vectors_, "refused")) {
    SCOPED_TRACE(test::TextAt(row, "name"));
    Put(row, test::TextAt(row, "text"));
    const auto read = Read();
    test::ExpectRefused(read, row);
    EXPECT_TRUE(read.has_error() && IsDamaged(read.error()));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SpoolVectors,
    testing::Values(MakeKind<ExitRecord>("exit", &AttemptPaths::Exit, &ReadExit, &WriteExit),
                    MakeKind<Containment>("runner", &AttemptPaths::Runner, &ReadContainment,
                                          &WriteContainment)),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace prov::exec
