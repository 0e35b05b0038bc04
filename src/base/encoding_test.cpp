#include "base/encoding.hpp"

#include <gtest/gtest.h>

namespace prov {
namespace {

TEST(Encoding, Hex_RoundTrips_AndHasOneSpelling) {
  const std::string bytes("\x00\xff\x10", 3);
  EXPECT_EQ(HexEncode(bytes), "00ff10");
  EXPECT_EQ(*HexDecode("00ff10"), bytes);
  EXPECT_FALSE(HexDecode("00FF10"));
  EXPECT_FALSE(HexDecode("0"));
  EXPECT_FALSE(HexDecode("0g"));
}

TEST(Encoding, Base64_Rfc4648Vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(Base64Encode(bytes), text);
    EXPECT_EQ(*Base64Decode(text), bytes);
  }
}

TEST(Encoding, Base64_WhatIsNotCanonical_IsRefused) {
  for (const auto* text : {"Zg", "Zg=", "Zh==", "Zg==\n", " Zg==", "Zm9v=", "Zm-v", "Z", "===="}) {
    EXPECT_FALSE(Base64Decode(text)) << text;
  }
}

TEST(Encoding, Base64Url_HasNoPadding) {
  EXPECT_EQ(Base64UrlEncode("\xfb\xff"), "-_8");
  EXPECT_EQ(*Base64UrlDecode("-_8"), "\xfb\xff");
  EXPECT_FALSE(Base64UrlDecode("-_8="));
  EXPECT_FALSE(Base64UrlDecode("+/8"));
}

TEST(Encoding, Utf8_MalformedSequences_AreSeen) {
  for (const auto* good : {"", "a", "é", "€", "😀", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(IsUtf8(good)) << good;
  const std::string_view bad[] = {"\x80",         "\xc0\xaf",         "\xe0\x80\x80",
                                  "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80",
                                  "\xe2\x82",     "\xf0\x9f\x98",     "a\xff"};
  for (const auto text : bad) EXPECT_FALSE(IsUtf8(text)) << HexEncode(text);
}

TEST(Encoding, Utf8_EachMalformedByte_IsReplaced) {
  EXPECT_EQ(ReplaceInvalidUtf8("a\xff"
                               "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(ReplaceInvalidUtf8("\xe2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ReplaceInvalidUtf8("é€😀"), "é€😀");
}

TEST(Encoding, CountCodePoints_CountsNotBytes) { EXPECT_EQ(CountCodePoints("aé€😀"), 4U); }

}  // namespace
}  // namespace prov
