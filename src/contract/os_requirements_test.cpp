#include "contract/os_requirements.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::contract {
namespace {

using testing::HasSubstr;

constexpr std::string_view kUbuntu =
    "# comment\nPRETTY_NAME=\"Ubuntu 22.04.4 "
    "LTS\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\n";

TEST(OsRelease, Quoting_IsTheShells) {
  const auto os = ParseOsRelease(
      "ID='my os'\nID_LIKE=\"a  b\"\nPRETTY_NAME=\"say \\\"hi\\\" \\$x\"\nNONSENSE\nVERSION_ID=12");
  EXPECT_EQ(os.id, "my os");
  EXPECT_EQ(os.id_like, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(os.pretty_name, "say \"hi\" $x");
  EXPECT_EQ(os.version_id, "12");
  EXPECT_EQ(ParseOsRelease("").id, "linux");
}

TEST(Versions, CompareNumerically_PartByPart) {
  const std::pair<std::string_view, std::string_view> increasing[] = {
      {"9", "10"},       {"20.04", "20.10"},
      {"20.9", "20.10"}, {"1.2", "1.2.1"},
      {"11", "12"},      {"1.99", "2"},
      {"007", "8"},      {"1.0", "1.rc"},
      {"a", "b"},        {"99999999999999999998", "99999999999999999999"}};
  for (const auto& [less, more] : increasing) {
    EXPECT_LT(CompareVersions(less, more), 0) << less << " " << more;
    EXPECT_GT(CompareVersions(more, less), 0) << less << " " << more;
  }
  for (const auto& [a, b] :
       {std::pair{"1.0", "1.00"}, {"12", "12"}, {"12", "12.0"}, {"1.0.0", "1"}, {"", ""}})
    EXPECT_EQ(CompareVersions(a, b), 0);
}

TEST(OsRequirements, IdAndIdLike_Match) {
  const auto ubuntu = ParseOsRelease(kUbuntu);
  EXPECT_FALSE(CheckOs({.families = {"ubuntu"}}, ubuntu, "amd64"));
  EXPECT_FALSE(CheckOs({.families = {"debian"}}, ubuntu, "amd64"));
  const auto refused = CheckOs({.families = {"fedora", "arch"}}, ubuntu, "amd64");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->requirement, "os_requirements.family");
  EXPECT_EQ(refused->message,
            "this server runs Ubuntu 22.04.4 LTS on amd64; the installer supports fedora, arch");
}

TEST(OsRequirements, ALeastVersion_BindsItsOwnFamilyOnly) {
  const auto ubuntu = ParseOsRelease(kUbuntu);
  EXPECT_FALSE(
      CheckOs({.families = {"ubuntu"}, .min_version = {{"ubuntu", "22.04"}}}, ubuntu, "amd64"));
  EXPECT_THAT(
      CheckOs({.families = {"ubuntu"}, .min_version = {{"ubuntu", "22.10"}}}, ubuntu, "amd64")
          ->message,
      HasSubstr("needs ubuntu 22.10 or newer"));
  EXPECT_FALSE(
      CheckOs({.families = {"debian"}, .min_version = {{"debian", "99"}}}, ubuntu, "amd64"));
}

TEST(OsRequirements, AnotherArchitecture_IsRefused) {
  const auto ubuntu = ParseOsRelease(kUbuntu);
  EXPECT_FALSE(
      CheckOs({.families = {"ubuntu"}, .architectures = {"arm64", "amd64"}}, ubuntu, "amd64"));
  EXPECT_TRUE(CheckOs({.families = {"ubuntu"}, .architectures = {"arm64"}}, ubuntu, "amd64"));
}

}  // namespace
}  // namespace prov::contract
