#include "panel/web/pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::panel {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

constexpr WebFile kFiles[] = {
    {"/index.html", "aaaa", "<!doctype html>", "zipped index", "br index"},
    {"/theme.js", "bbbb", "theme", "", ""},
    {"/assets/index-1a2b.js", "cccc", "code code code", "zipped", "br"},
    {"/assets/Red-3c4d.woff2", "dddd", "font", "", ""},
};

class PagesTest : public ::testing::Test {
 protected:
  std::optional<net::Response> Ask(const std::string& target, const Lines& headers = {},
                                   const std::string& method = "GET") {
    net::Request request{.method = method};
    EXPECT_TRUE(net::SetTarget(request, target));
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    return pages_.Answer(request);
  }
  // As the browser's address bar asks.
  std::optional<net::Response> Open(const std::string& target) {
    return Ask(target, {{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}});
  }
  static std::string Header(const net::Response& response, std::string_view name) {
    return std::string(response.headers.Find(name).value_or("-"));
  }

  Pages pages_{kFiles};
};

TEST_F(PagesTest, WhateverAPersonOpensIsTheOnePage) {
  for (const auto* target :
       {"/", "/index.html", "/jobs", "/jobs/0199?tab=values", "/servers/web-01.example.org",
        "/apis", "/agents/x", "/a/b/c/d", "/theme.css"}) {
    const auto response = Open(target);
    ASSERT_TRUE(response) << target;
    EXPECT_EQ(response->status, 200) << target;
    EXPECT_EQ(response->Body(), "<!doctype html>") << target;
    EXPECT_EQ(Header(*response, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(Header(*response, "Cache-Control"), "no-cache");
  }
}

TEST_F(PagesTest, WhatIsNoPageIsLeftToTheRoutes) {
  for (const auto* target : {"/api", "/api/", "/api/jobs", "/%61pi/jobs", "/agent/v1/enroll",
                             "/metrics", "/assets/gone-1a2b.js", "/assets/"})
    EXPECT_FALSE(Open(target)) << target;
  // Not opened by a person: a script that is not there any more is no page.
  for (const auto* target : {"/gone.js", "/jobs", "/favicon.ico"}) {
    EXPECT_FALSE(Ask(target)) << target;
    EXPECT_FALSE(Ask(target, {{"Accept", "*/*"}})) << target;
    EXPECT_FALSE(Ask(target, {{"Accept", "image/avif,image/*;q=0.8,*/*;q=0.5"}})) << target;
  }
  EXPECT_FALSE(Ask("/", {{"Accept", "text/html"}}, "POST"));
  EXPECT_FALSE(Ask("/theme.js", {}, "DELETE"));
  EXPECT_TRUE(Ask("/", {{"Accept", "*/*"}})) << "the panel's own address, whoever asks";
}

TEST_F(PagesTest, AFileIsSentAsItIsAndForAsLongAsItsNameHolds) {
  const struct {
    std::string target, body, type, cached;
  } rows[] = {
      {"/theme.js", "theme", "text/javascript; charset=utf-8", "no-cache"},
      {"/assets/index-1a2b.js", "code code code", "text/javascript; charset=utf-8",
       "public, max-age=31536000, immutable"},
      {"/assets/Red-3c4d.woff2?x", "font", "font/woff2", "public, max-age=31536000, immutable"},
  };
  for (const auto& row : rows) {
    const auto response = Ask(row.target);
    ASSERT_TRUE(response) << row.target;
    EXPECT_EQ(response->Body(), row.body);
    EXPECT_EQ(Header(*response, "Content-Type"), row.type);
    EXPECT_EQ(Header(*response, "Cache-Control"), row.cached);
    EXPECT_EQ(Header(*response, "Content-Encoding"), "-");
    EXPECT_EQ(Header(*response, "Vary"), "Accept-Encoding");
  }
}

TEST_F(PagesTest, EveryCodingHasBytesAndATagOfItsOwn) {
  const struct {
    std::string accepted, coding, body, etag;
  } rows[] = {
      {"gzip, br", "br", "br", "\"cccc-br\""},
      {"gzip", "gzip", "zipped", "\"cccc-gzip\""},
      {"identity", "-", "code code code", "\"cccc\""},
  };
  for (const auto& row : rows) {
    const auto response = Ask("/assets/index-1a2b.js", {{"Accept-Encoding", row.accepted}});
    ASSERT_TRUE(response);
    EXPECT_EQ(Header(*response, "Content-Encoding"), row.coding);
    EXPECT_EQ(response->Body(), row.body);
    EXPECT_EQ(Header(*response, "ETag"), row.etag);
  }
  const auto font = Ask("/assets/Red-3c4d.woff2", {{"Accept-Encoding", "br, gzip"}});
  ASSERT_TRUE(font);
  EXPECT_EQ(Header(*font, "Content-Encoding"), "-");
}

TEST_F(PagesTest, WhatACodingRefusesIsSaid) {
  const auto response = Ask("/theme.js", {{"Accept-Encoding", "br, identity;q=0"}});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 406);
  EXPECT_EQ(Header(*response, "Content-Type"), "application/problem+json");
}

TEST_F(PagesTest, WhoHasTheFileAlreadyIsToldSo) {
  const struct {
    std::string known;
    bool fresh;
  } rows[] = {
      {"\"cccc-br\"", true},        {"W/\"cccc-br\"", true},
      {"\"x\", \"cccc-br\"", true}, {"*", true},
      {"\"cccc\"", false},          {"\"cccc-gzip\"", false},
      {"cccc-br", false},           {"\"\"", false},
      {"\"xcccc-br\"", false},      {"\"cccc-br\" x", false},
  };
  for (const auto& row : rows) {
    const auto response =
        Ask("/assets/index-1a2b.js", {{"Accept-Encoding", "br"}, {"If-None-Match", row.known}});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, row.fresh ? 304 : 200) << row.known;
    EXPECT_EQ(response->Body(), row.fresh ? "" : "br") << row.known;
    for (const auto* name : {"ETag", "Cache-Control", "Vary", "Content-Security-Policy"})
      EXPECT_TRUE(response->headers.Find(name)) << name;
  }
}

TEST_F(PagesTest, NothingIsSentWithoutThePolicy) {
  for (const auto* target : {"/", "/jobs", "/theme.js", "/assets/index-1a2b.js"}) {
    const auto response = Open(target);
    ASSERT_TRUE(response);
    EXPECT_EQ(Header(*response, "Content-Security-Policy"), kContentSecurityPolicy);
    EXPECT_EQ(Header(*response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(Header(*response, "Referrer-Policy"), "no-referrer");
    EXPECT_EQ(Header(*response, "Cross-Origin-Opener-Policy"), "same-origin");
    EXPECT_EQ(Header(*response, "Cross-Origin-Resource-Policy"), "same-origin");
  }
  for (const auto* hole : {"unsafe", "nonce", "sha256", "*", "http:", "https:", "blob:"})
    EXPECT_EQ(kContentSecurityPolicy.find(hole), std::string_view::npos) << hole;
}

TEST_F(PagesTest, ManyWhoAskForAFileShareItsBytes) {
  const auto one = Ask("/assets/index-1a2b.js");
  const auto other = Ask("/assets/index-1a2b.js");
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->shared_body, other->shared_body);
}

TEST(PagesThatWereNotBuilt, AreSaidInPlainWords) {
  Pages pages({});
  net::Request request{.method = "GET"};
  ASSERT_TRUE(net::SetTarget(request, "/"));
  const auto response = pages.Answer(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 404);
  EXPECT_THAT(std::string(response->Body()), ::testing::HasSubstr("./dev build release"));
  EXPECT_EQ(response->headers.Find("Content-Type"), "text/plain; charset=utf-8");
  ASSERT_TRUE(net::SetTarget(request, "/theme.js"));
  EXPECT_FALSE(pages.Answer(request));
}

}  // namespace
}  // namespace prov::panel
