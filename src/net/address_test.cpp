#include "net/address.hpp"

#include <gtest/gtest.h>

namespace prov::net {
namespace {

TEST(AddressTest, Addresses_AreReadWithTheirPortsOrTheDefault_AndWrittenAgain) {
  const auto read = ReadAddresses("a.example.test,b:1,[::1]:65535,[fe80::2],127.0.0.1", 7);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(
      *read,
      (std::vector<Address>{
          {"a.example.test", 7}, {"b", 1}, {"::1", 65535}, {"fe80::2", 7}, {"127.0.0.1", 7}}));
  EXPECT_EQ(ToString(*read), "a.example.test:7,b:1,[::1]:65535,[fe80::2]:7,127.0.0.1:7");
  EXPECT_EQ(ReadAddresses("a", 7)->size(), 1U);
}

TEST(AddressTest, WhatIsNoAddress_IsRefused_AndNothingOfItIsSaid) {
  std::string many = "hunter2";
  for (int i = 0; i < 32; ++i) many += ",hunter2";
  const std::pair<std::string, std::string> table[] = {
      {"", "a host is missing"},
      {"hunter2,", "a host is missing"},
      {",hunter2", "a host is missing"},
      {"hunter2,,b", "a host is missing"},
      {":1", "a host is missing"},
      {"hunter2 b", "no name"},
      {"hunter2:", "1 to 65535"},
      {"hunter2:0", "1 to 65535"},
      {"hunter2:65536", "1 to 65535"},
      {"hunter2:+1", "1 to 65535"},
      {"hunter2:1:2", "1 to 65535"},
      {"[::1", "\"]\""},
      {"[]", "a host is missing"},
      {"[::1]hunter2", "1 to 65535"},
      {many, "more than 32"},
  };
  for (const auto& [text, why] : table) {
    const auto read = ReadAddresses(text, 7);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(read.error().message.find(why), std::string::npos) << text << read.error().message;
    EXPECT_EQ(read.error().message.find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace prov::net
