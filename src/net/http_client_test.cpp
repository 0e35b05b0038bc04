#include "net/http_client.hpp"

#include <fstream>
#include <nss.h>
#include <sched.h>
#include <sys/mount.h>
#include <thread>

#include "net/loopback_fixture_test.hpp"
#include "net/sse.hpp"
#include "support/requires.hpp"
#include "support/temporary_directory.hpp"

namespace prov::net {

namespace {

namespace asio = boost::asio;

class HttpClientTest : public Loopback {
 protected:
  ServerOptions Options() {
    ServerOptions options;
    options.limits.scan = Millis{10};
    options.handler = [](Request request) -> asio::awaitable<Response> {
      Response response{.status = request.method == "POST" ? 202 : 200};
      response.body = request.method + " " + request.path + " [" + request.body + "]";
      if (request.path == "/large") response.body = std::string(300'000, 'y');
      co_return response;
    };
    return options;
  }

  std::unique_ptr<HttpClient> Client(ClientOptions options) {
    auto client = HttpClient::Create(io_.get_executor(), std::move(options));
    EXPECT_TRUE(client) << client.error().ToString();
    return client ? std::move(*client) : nullptr;
  }

  std::string Origin(std::string scheme = "http://127.0.0.1:") {
    return scheme + std::to_string(server_->port());
  }

  Result<ClientResponse> Fetch(HttpClient& client, ClientRequest request) {
    Result<ClientResponse> result = Error{};
    Run([](HttpClient& with, ClientRequest send,
           Result<ClientResponse>& into) -> asio::awaitable<void> {
      into = co_await with.Send(std::move(send));
    }(client, std::move(request), result));
    return result;
  }

  TlsFiles MakeCertificate(const std::string& alternative_name) {
    return net::MakeCertificate(directory_.path(), alternative_name);
  }

  test::TemporaryDirectory directory_;
};

TEST_F(HttpClientTest, HttpClient_SeveralRequests_ShareOneConnection) {
  Listen(Options());
  auto client = Client({.origin = Origin()});
  for (int i = 0; i < 3; ++i) {
    const auto got = Fetch(*client, {.method = "POST", .target = "/a", .body = "hello"});
    ASSERT_TRUE(got) << got.error().ToString();
    EXPECT_EQ(got->status, 202);
    EXPECT_EQ(got->body, "POST /a [hello]");
  }
  EXPECT_EQ(server_->connections(), 1U);
  const auto large = Fetch(*client, {.target = "/large"});
  ASSERT_TRUE(large) << large.error().ToString();
  EXPECT_EQ(large->body.size(), 300'000U);
  const auto head = Fetch(*client, {.method = "HEAD", .target = "/large"});
  ASSERT_TRUE(head) << head.error().ToString();
  EXPECT_EQ(head->body, "");
}

TEST_F(HttpClientTest, HttpClient_ServerClosedTheKeptConnection_PostUsesANewOne) {
  Listen(Options());
  auto client = Client({.origin = Origin()});
  ASSERT_TRUE(Fetch(*client, {.method = "POST", .body = "1"}));
  clock_.Advance(Seconds{76});  // the server's idle limit
  Run([](HttpClientTest& test) -> asio::awaitable<void> {
    while (test.server_->connections() > 0) co_await test.Pause(2);
  }(*this));
  const auto got = Fetch(*client, {.method = "POST", .body = "2"});
  ASSERT_TRUE(got) << got.error().ToString();
  EXPECT_EQ(got->body, "POST / [2]");
}

TEST_F(HttpClientTest, HttpClient_AConnectionKeptTooLong_IsNotUsedAgain) {
  Listen(Options());
  auto client = Client({.origin = Origin(), .keep = Millis{0}});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Fetch(*client, {}));
  // The ones before are closed; the server may not have noticed yet.
  Run([](HttpClientTest& test) -> asio::awaitable<void> {
    while (test.server_->connections() > 1) co_await test.Pause(2);
  }(*this));
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(HttpClientTest, HttpClient_BodyOverLimit_IsTooLarge) {
  Listen(Options());
  auto client = Client({.origin = Origin(), .body_bytes = 1000});
  const auto got = Fetch(*client, {.target = "/large"});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kTooLarge);
}

TEST_F(HttpClientTest, HttpClient_PlainHttpBeyondLoopback_IsRefused) {
  for (const auto* origin : {"http://panel.example", "http://10.0.0.1:80", "http://[::2]/"}) {
    const auto client = HttpClient::Create(io_.get_executor(), {.origin = origin});
    ASSERT_FALSE(client) << origin;
    EXPECT_NE(client.error().message.find("use https"), std::string::npos);
  }
}

// A name is looked up with every connection, and whoever answers for it decides where it leads.
TEST_F(HttpClientTest, HttpClient_PlainHttpToANameThatLeadsBeyondLoopback_IsRefused) {
  PROV_REQUIRES("mounts");
  const auto hosts = directory_.path() / "hosts";
  const std::pair<const char*, ErrorCode> tables[] = {
      {"127.9.9.9 localhost\n", ErrorCode::kUnavailable},  // allowed, and nobody listens
      {"192.0.2.1 localhost\n", ErrorCode::kPermissionDenied},
      {"127.9.9.9 localhost\n192.0.2.1 localhost\n", ErrorCode::kPermissionDenied},
  };
  const auto ask = [&] {
    // What another service of names knows must not count.
    __nss_configure_lookup("hosts", "files");
    ASSERT_TRUE(WriteFileAtomically(hosts, "", 0644));
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount(hosts.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr), 0);
    for (const auto& [table, wanted] : tables) {
      std::ofstream(hosts) << table;  // in place: the mount follows the file, not its name
      auto client = Client({.origin = "http://localhost:9", .connect = Millis{500}});
      const auto got = Fetch(*client, {});
      ASSERT_FALSE(got) << table;
      EXPECT_EQ(got.error().code, wanted) << table << got.error().ToString();
    }
  };
  // A thread has mounts of its own; the resolver's, which it starts, has them too.
  std::thread(ask).join();
}

TEST_F(HttpClientTest, HttpClient_NobodyListens_SaysRefused) {
  asio::ip::tcp::acceptor acceptor(io_, {asio::ip::make_address("127.0.0.1"), 0});
  const auto port = acceptor.local_endpoint().port();
  acceptor.close();
  auto client = Client({.origin = "http://127.0.0.1:" + std::to_string(port)});
  const auto got = Fetch(*client, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(got.error().ToString().find("refused"), std::string::npos);
}

TEST_F(HttpClientTest, HttpClient_ServerSaysNothing_TimesOut) {
  asio::ip::tcp::acceptor silent(io_, {asio::ip::make_address("127.0.0.1"), 0});
  auto client =
      Client({.origin = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()),
              .answer = Millis{50}});
  const auto got = Fetch(*client, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kTimeout);
}

TEST_F(HttpClientTest, HttpClient_Tls_VerifiesChainAndName) {
  auto options = Options();
  options.tls = MakeCertificate("DNS:localhost,IP:127.0.0.1");
  const auto certificate = options.tls->certificate;
  Listen(std::move(options));
  for (const auto* scheme : {"https://127.0.0.1:", "https://localhost:"}) {
    auto trusted = Client({.origin = Origin(scheme), .ca_file = certificate});
    const auto got = Fetch(*trusted, {.target = "/large"});
    ASSERT_TRUE(got) << got.error().ToString();
    EXPECT_EQ(got->body.size(), 300'000U);
  }
  const auto other = MakeCertificate("DNS:localhost");
  auto untrusting = Client({.origin = Origin("https://127.0.0.1:"), .ca_file = other.certificate});
  const auto refused = Fetch(*untrusting, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied) << refused.error().ToString();
  EXPECT_NE(refused.error().message.find("not trusted"), std::string::npos);
}

TEST_F(HttpClientTest, HttpServer_ANewCertificate_IsForTheNextConnection_AndABrokenOneForNone) {
  auto options = Options();
  options.tls = MakeCertificate("IP:127.0.0.1");
  const auto files = *options.tls;
  Listen(std::move(options));
  const auto first = directory_.path() / "first.pem";
  std::filesystem::copy_file(files.certificate, first);
  const auto trusts = [&](const Path& certificate) {
    return Fetch(*Client({.origin = Origin("https://127.0.0.1:"), .ca_file = certificate}), {})
        .has_value();
  };
  EXPECT_TRUE(trusts(first));
  MakeCertificate("IP:127.0.0.1");
  EXPECT_TRUE(trusts(first)) << "changed before it was told";
  ASSERT_TRUE(server_->UseCertificate(files));
  EXPECT_FALSE(trusts(first));
  EXPECT_TRUE(trusts(files.certificate));
  EXPECT_FALSE(server_->UseCertificate({first, files.key})) << "a certificate without its key";
  EXPECT_TRUE(trusts(files.certificate));
}

TEST_F(HttpClientTest, HttpClient_CertificateForAnotherName_IsRefused) {
  auto options = Options();
  options.tls = MakeCertificate("DNS:other.example");
  const auto certificate = options.tls->certificate;
  Listen(std::move(options));
  auto client = Client({.origin = Origin("https://localhost:"), .ca_file = certificate});
  const auto refused = Fetch(*client, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(refused.error().message.find("is not for \"localhost\""), std::string::npos)
      << refused.error().ToString();
}

TEST_F(HttpClientTest, HttpClient_EventStream_ArrivesPieceByPiece) {
  auto options = Options();
  options.handler = [](Request request) -> asio::awaitable<Response> {
    Response response;
    response.headers.Set("Content-Type", "text/event-stream");
    const std::string after(request.headers.Find("last-event-id").value_or("0"));
    response.stream = [after](std::shared_ptr<BodyStream> stream) -> asio::awaitable<void> {
      for (int i = std::stoi(after) + 1; i <= 3; ++i) {
        co_await stream->Send(FormatSse({.id = std::to_string(i), .data = "line\nnext"}));
      }
    };
    co_return response;
  };
  Listen(std::move(options));
  auto client = Client({.origin = Origin()});
  std::vector<SseEvent> events;
  Run([](HttpClient& with, std::vector<SseEvent>& into) -> asio::awaitable<void> {
    ClientRequest request{.target = "/s"};
    request.headers.Set("Last-Event-ID", "1");
    auto stream = co_await with.Open(std::move(request));
    EXPECT_TRUE(stream.has_value());
    if (!stream) co_return;
    EXPECT_EQ((*stream)->status(), 200);
    SseParser parser;
    while (true) {
      auto piece = co_await (*stream)->Read();
      EXPECT_TRUE(piece.has_value());
      if (!piece || piece->empty()) break;
      auto parsed = parser.Feed(*piece);
      into.insert(into.end(), parsed->begin(), parsed->end());
    }
  }(*client, events));
  EXPECT_EQ(events, (std::vector<SseEvent>{{"2", "", "line\nnext"}, {"3", "", "line\nnext"}}));
}

// More than the sockets hold, in pieces of all sizes, to a client that now and then does not read:
// what was written at once, in part, and later comes as one.
TEST_F(HttpClientTest, HttpClient_StreamThatIsReadSlowly_ComesWhole) {
  for (const bool tls : {false, true}) {
    SCOPED_TRACE(tls ? "TLS" : "plain");
    auto options = Options();
    options.limits.stream_buffer = 300'000;
    if (tls) options.tls = MakeCertificate("IP:127.0.0.1");
    const auto ca = options.tls ? options.tls->certificate : Path();
    std::string wanted;
    for (std::size_t i = 0; wanted.size() < 12'000'000; ++i)
      wanted +=
          std::string(i % 7 == 0 ? 400'000 : 1 + i * 37 % 20'000, static_cast<char>('a' + i % 26));
    options.handler = [&wanted](Request) -> asio::awaitable<Response> {
      Response response;
      response.stream = [&wanted](std::shared_ptr<BodyStream> stream) -> asio::awaitable<void> {
        std::size_t at = 0;
        for (std::size_t i = 0; at < wanted.size(); ++i) {
          const auto piece = wanted.substr(at, i % 7 == 0 ? 400'000 : 1 + i * 37 % 20'000);
          at += piece.size();
          if (!co_await stream->Send(piece)) co_return;
        }
      };
      co_return response;
    };
    Listen(std::move(options));
    auto client =
        Client({.origin = Origin(tls ? "https://127.0.0.1:" : "http://127.0.0.1:"), .ca_file = ca});
    std::string got;
    Run([](HttpClientTest& test, HttpClient& with, std::string& into) -> asio::awaitable<void> {
      auto stream = co_await with.Open({.target = "/s"});
      EXPECT_TRUE(stream.has_value());
      if (!stream) co_return;
      for (std::size_t i = 0;; ++i) {
        if (i % 200 == 0) co_await test.Pause(20);
        auto piece = co_await (*stream)->Read();
        EXPECT_TRUE(piece.has_value());
        if (!piece || piece->empty()) break;
        into += *piece;
      }
    }(*this, *client, got));
    EXPECT_EQ(got.size(), wanted.size());
    EXPECT_TRUE(got == wanted);
    Run(Stop());
  }
}

}  // namespace

}  // namespace prov::net
