#include "panel/forwarded.hpp"

#include <gtest/gtest.h>

namespace prov::panel {
namespace {

net::Request From(const std::string& peer, std::vector<std::string> forwarded = {}) {
  net::Request request;
  request.peer = peer;
  for (auto& each : forwarded) request.headers.Add("X-Forwarded-For", std::move(each));
  return request;
}

TEST(Forwarded, WithoutAProxy_TheHeaderMeansNothing) {
  auto request = From("192.0.2.1", {"10.0.0.1"});
  EXPECT_TRUE(TakeForwarded("", request));
  EXPECT_EQ(request.peer, "192.0.2.1");
}

TEST(Forwarded, OnlyTheProxyIsServed) {
  auto stranger = From("192.0.2.1", {"10.0.0.1"});
  EXPECT_FALSE(TakeForwarded("10.1.1.1", stranger));
  auto proxy = From("10.1.1.1", {"192.0.2.7"});
  EXPECT_TRUE(TakeForwarded("10.1.1.1", proxy));
  EXPECT_EQ(proxy.peer, "192.0.2.7");
}

TEST(Forwarded, WhatTheClientSentItself_IsNotBelieved) {
  for (const auto& headers : std::vector<std::vector<std::string>>{
           {"1.1.1.1, 192.0.2.7"}, {"1.1.1.1", "192.0.2.7"}, {"1.1.1.1,2.2.2.2", " 192.0.2.7 "}}) {
    auto request = From("10.1.1.1", headers);
    EXPECT_TRUE(TakeForwarded("10.1.1.1", request));
    EXPECT_EQ(request.peer, "192.0.2.7");
  }
}

TEST(Forwarded, WhatIsNoAddress_LeavesTheProxys) {
  for (const auto* text : {"", "unknown", "192.0.2.7:80", "a\"b", "1.1.1.1, "}) {
    auto request = From("10.1.1.1", {text});
    EXPECT_TRUE(TakeForwarded("10.1.1.1", request));
    EXPECT_EQ(request.peer, "10.1.1.1") << text;
  }
}

TEST(Forwarded, OneAddressInTwoSpellings_IsOne) {
  auto request = From("2001:db8::1", {"::ffff:192.0.2.7"});
  EXPECT_TRUE(TakeForwarded("2001:0db8:0:0::1", request));
  EXPECT_EQ(request.peer, "192.0.2.7");
}

}  // namespace
}  // namespace prov::panel
