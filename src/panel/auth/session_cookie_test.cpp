#include "panel/auth/session_cookie.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::panel {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

net::Request With(const Lines& headers) {
  net::Request request;
  for (const auto& [name, value] : headers) request.headers.Add(name, value);
  return request;
}

TEST(SessionCookies, AreNoScriptsNoOtherSitesAndNeverSentInTheClear) {
  EXPECT_EQ(SessionCookie("abc", true),
            "__Host-session=abc; Path=/; HttpOnly; SameSite=Strict; Secure");
  EXPECT_EQ(SessionCookie("abc", false), "session=abc; Path=/; HttpOnly; SameSite=Strict");
  EXPECT_EQ(SessionCookie("", true),
            "__Host-session=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0");
}

TEST(SessionCookies, AreReadUnderTheirOwnNameAndOnlyIfThereIsOne) {
  const struct {
    Lines headers;
    bool secure;
    std::string token;  // "-": none
  } rows[] = {
      {{}, false, "-"},
      {{{"Cookie", "session=abc"}}, false, "abc"},
      {{{"cookie", "a=b; session=abc; c=d"}}, false, "abc"},
      {{{"Cookie", "a=b;session=abc"}}, false, "abc"},
      {{{"Cookie", "a=b"}, {"Cookie", "session=abc"}}, false, "abc"},
      {{{"Cookie", "session=abc"}}, true, "-"},
      {{{"Cookie", "__Host-session=abc"}}, true, "abc"},
      {{{"Cookie", "__Host-session=abc"}}, false, "-"},
      {{{"Cookie", "__host-session=abc"}}, true, "-"},
      {{{"Cookie", "xsession=abc; session2=abc; Session=abc"}}, false, "-"},
      {{{"Cookie", "session=abc; session=abd"}}, false, "-"},
      {{{"Cookie", "session=abc"}, {"Cookie", "session=abd"}}, false, "-"},
      {{{"Cookie", "session"}}, false, "-"},
      {{{"Cookie", ";;;=;session=;"}}, false, ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(SessionTokenOf(With(row.headers), row.secure).value_or("-"), row.token)
        << (row.headers.empty() ? "" : row.headers.front().second) << row.secure;
  }
}

TEST(OtherSites, AreRefusedByWhatBrowsersSay) {
  const struct {
    Lines headers;  // beside Host: panel.example:5000
    bool secure;
    bool refused;
  } rows[] = {
      {{}, false, false},
      {{{"Sec-Fetch-Site", "same-origin"}}, false, false},
      {{{"Sec-Fetch-Site", "same-site"}}, false, true},
      {{{"Sec-Fetch-Site", "cross-site"}}, false, true},
      {{{"Sec-Fetch-Site", "none"}}, false, true},
      {{{"Sec-Fetch-Site", ""}}, false, true},
      {{{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "cross-site"}}, false, true},
      {{{"Origin", "http://panel.example:5000"}}, false, false},
      {{{"Origin", "HTTP://Panel.example:5000"}}, false, false},
      {{{"Origin", "https://panel.example:5000"}}, true, false},
      {{{"Origin", "http://panel.example:5000"}}, true, true},
      {{{"Origin", "https://panel.example:5000"}}, false, true},
      {{{"Origin", "http://panel.example"}}, false, true},
      {{{"Origin", "http://panel.example:50000"}}, false, true},
      {{{"Origin", "http://evil.panel.example:5000"}}, false, true},
      {{{"Origin", "http://panel.example:5000.evil.example"}}, false, true},
      {{{"Origin", "null"}}, false, true},
      {{{"Origin", ""}}, false, true},
      {{{"Origin", "http://panel.example:5000"}, {"Origin", "http://evil.example"}}, false, true},
      {{{"Origin", "http://panel.example:5000"}, {"Sec-Fetch-Site", "cross-site"}}, false, true},
  };
  for (const auto& row : rows) {
    auto request = With(row.headers);
    request.headers.Set("Host", "panel.example:5000");
    EXPECT_EQ(RefuseOtherSite(request, row.secure).has_value(), row.refused)
        << (row.headers.empty() ? "" : row.headers.back().second);
  }
}

TEST(CsrfTokens, AreOfOneSessionAndOnePanel) {
  const auto keys = *KeyRing::Create("0123456789abcdef0123456789abcdef");
  const auto others = *KeyRing::Create("ffffffffffffffffffffffffffffffff");
  EXPECT_EQ(CsrfToken(keys, "a"), CsrfToken(keys, "a"));
  EXPECT_NE(CsrfToken(keys, "a"), CsrfToken(keys, "b"));
  EXPECT_NE(CsrfToken(keys, "a"), CsrfToken(others, "a"));
  EXPECT_GE(CsrfToken(keys, "a").size(), 43U);
}

}  // namespace
}  // namespace prov::panel
