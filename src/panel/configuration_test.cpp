#include "panel/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace prov::panel {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Environment = std::map<std::string, std::string>;

constexpr const char* kSecretKey = "0123456789abcdef0123456789abcdef";

Result<PanelConfiguration> Read(Environment environment) {
  environment.try_emplace("SECRET_KEY", kSecretKey);
  if (environment.at("SECRET_KEY").empty()) environment.erase("SECRET_KEY");
  const auto settings = PanelSettings();
  PROV_TRY(const auto loaded, Configuration::Load(settings, {}, environment, {}));
  return ReadConfiguration(loaded);
}

TEST(PanelConfiguration, WithASecretAlone_HasTheDefaults) {
  const auto read = Read({});
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->address, "127.0.0.1");
  EXPECT_EQ(read->port, 5000);
  EXPECT_EQ(read->database_url, "sqlite:/var/lib/provisioning/panel/panel.db");
  EXPECT_EQ(read->installers_dir, "/opt/provisioning/installers");
  EXPECT_EQ(read->log_dir, "/var/log/provisioning/panel");
  EXPECT_EQ(read->log_level, LogLevel::kInfo);
  EXPECT_EQ(read->keep_jobs, std::chrono::days{365});
  EXPECT_EQ(read->keep_logs, std::chrono::days{0});
  EXPECT_FALSE(read->tls);
  EXPECT_EQ(read->trusted_proxy, "");
}

TEST(PanelConfiguration, WhatIsSaid_IsTaken) {
  const auto read = Read({{"PANEL_LISTEN", "[::1]:65535"},
                          {"STATE_DIR", "/state"},
                          {"LOG_DIR", "-"},
                          {"KEEP_JOBS_DAYS", "0"},
                          {"KEEP_LOGS_DAYS", "30"},
                          {"LOG_LEVEL", "debug"}});
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->address, "::1");
  EXPECT_EQ(read->port, 65535);
  EXPECT_EQ(read->database_url, "sqlite:/state/panel.db");
  EXPECT_EQ(read->log_dir, "");
  EXPECT_EQ(read->log_level, LogLevel::kDebug);
  EXPECT_EQ(read->keep_jobs, std::chrono::days{0});
  EXPECT_EQ(read->keep_logs, std::chrono::days{30});
  for (const auto* url : {"sqlite:/elsewhere/p.db", "postgresql://panel:pw@db/panel",
                          "postgres://panel@db:5432/panel?sslmode=verify-full"}) {
    const auto with = Read({{"DATABASE_URL", url}});
    ASSERT_TRUE(with) << with.error().ToString();
    EXPECT_EQ(with->database_url, url);
  }
}

TEST(PanelConfiguration, BeyondLoopback_WithTlsOrAProxyIsTaken) {
  const auto tls = Read(
      {{"PANEL_LISTEN", "0.0.0.0:443"}, {"PANEL_TLS_CERT", "/c.pem"}, {"PANEL_TLS_KEY", "/k.pem"}});
  ASSERT_TRUE(tls) << tls.error().ToString();
  EXPECT_TRUE(tls->tls);
  const auto proxy = Read({{"PANEL_LISTEN", "[::]:5000"}, {"PANEL_TRUSTED_PROXY", "192.0.2.7"}});
  ASSERT_TRUE(proxy) << proxy.error().ToString();
  EXPECT_EQ(proxy->trusted_proxy, "192.0.2.7");
}

struct BadValue {
  std::string name;
  Environment environment;
  std::string setting;  // named by the message
  std::string right;    // what the message says would be right
};

class PanelConfigurationRefusals : public ::testing::TestWithParam<BadValue> {};

TEST_P(PanelConfigurationRefusals, NameTheSettingAndWhatWouldBeRight) {
  const auto read = Read(GetParam().environment);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(read.error().ToString(), HasSubstr(GetParam().setting));
  EXPECT_THAT(read.error().ToString(), HasSubstr(GetParam().right));
}

BadValue Listen(std::string name, std::string value) {
  return {std::move(name),
          {{"PANEL_LISTEN", std::move(value)}},
          "panel_listen",
          "must be ADDRESS:PORT, such as 127.0.0.1:5000"};
}
BadValue Database(std::string name, std::string value) {
  return {
      std::move(name), {{"DATABASE_URL", std::move(value)}}, "database_url", "must be sqlite:PATH"};
}
BadValue Beyond(std::string name, std::string value) {
  return {std::move(name),
          {{"PANEL_LISTEN", std::move(value)}},
          "panel_listen",
          "needs PANEL_TLS_CERT and PANEL_TLS_KEY, or PANEL_TRUSTED_PROXY"};
}
BadValue Level(std::string name, std::string value) {
  return {std::move(name), {{"LOG_LEVEL", std::move(value)}}, "log_level", "debug"};
}
BadValue Proxy(std::string name, std::string value) {
  return {std::move(name),
          {{"PANEL_TRUSTED_PROXY", std::move(value)}},
          "panel_trusted_proxy",
          "must be an IP address"};
}
BadValue Empty(std::string name, std::string variable, std::string setting) {
  return {std::move(name), {{std::move(variable), ""}}, std::move(setting), "must be a path"};
}

INSTANTIATE_TEST_SUITE_P(
    Panel, PanelConfigurationRefusals,
    ::testing::Values(
        BadValue{"NoSecretKey", {{"SECRET_KEY", ""}}, "secret_key", "openssl rand -hex 32"},
        BadValue{"AShortSecretKey",
                 {{"SECRET_KEY", std::string(31, 'k')}},
                 "secret_key",
                 "at least 32 bytes"},
        Listen("NoPort", "127.0.0.1"), Listen("NoAddress", ":5000"), Listen("Nothing", ""),
        Listen("AnEmptyPort", "127.0.0.1:"), Listen("AWordAsPort", "127.0.0.1:http"),
        Listen("ANegativePort", "127.0.0.1:-1"), Listen("APortTooLarge", "127.0.0.1:65536"),
        Listen("APortWithMore", "127.0.0.1:5000x"), Listen("APortWithASpace", "127.0.0.1: 5000"),
        Listen("AName", "localhost:5000"), Listen("AnAddressOfFiveParts", "127.0.0.1.1:5000"),
        Listen("AnIpv6AddressAlone", "[::1]"), Listen("AnOpenBracket", "[::1:5000"),
        Listen("AUrl", "http://127.0.0.1:5000"), Beyond("EveryAddressWithoutTls", "0.0.0.0:5000"),
        Beyond("EveryIpv6AddressWithoutTls", "[::]:5000"),
        Beyond("AnAddressWithoutTls", "192.0.2.1:5000"),
        BadValue{"ACertificateAlone",
                 {{"PANEL_TLS_CERT", "/c.pem"}},
                 "panel_tls_cert",
                 "PANEL_TLS_CERT and PANEL_TLS_KEY go together"},
        BadValue{"AKeyAlone",
                 {{"PANEL_TLS_KEY", "/k.pem"}},
                 "panel_tls_key",
                 "PANEL_TLS_CERT and PANEL_TLS_KEY go together"},
        Proxy("AProxyByName", "proxy.example.test"), Proxy("AProxyWithAPort", "192.0.2.1:80"),
        Proxy("ANetworkAsProxy", "192.0.2.0/24"),
        Database("AnotherDatabase", "mysql://localhost/panel"),
        BadValue{"ADatabaseUrlThatIsNone",
                 {{"DATABASE_URL", "postgresql://panel:pw@[::1/panel"}},
                 "database_url",
                 "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"},
        Database("APathAlone", "/var/lib/panel.db"), Database("SqliteWithoutAPath", "sqlite:"),
        Level("ALevelNobodyKnows", "verbose"), Level("ALevelInCapitals", "INFO"),
        Level("NoLevel", ""), Empty("NoStateDirectory", "STATE_DIR", "state_dir"),
        Empty("NoInstallersDirectory", "INSTALLERS_DIR", "installers_dir")),
    [](const auto& info) { return info.param.name; });

TEST(PanelConfiguration, AShortSecret_IsNotRepeated) {
  const auto read = Read({{"SECRET_KEY", "hunter2hunter2"}});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().ToString(), Not(HasSubstr("hunter2")));
}

TEST(PanelConfiguration, TheDatabasesPassword_IsNeverAFlagAndNeverShown) {
  const auto settings = PanelSettings();
  const std::string url = "postgresql://panel:hunter2@db/panel";
  EXPECT_FALSE(Configuration::Load(settings, {}, {}, {{"database_url", url}}));
  const auto loaded = Configuration::Load(settings, {}, {{"DATABASE_URL", url}}, {});
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->Describe(), Not(HasSubstr("hunter2")));
  const auto refused = Read({{"DATABASE_URL", "postgresql://panel:hunter2@[db/panel"}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), Not(HasSubstr("hunter2")));
}

TEST(PanelConfiguration, TheSecret_IsNeverAFlagAndNeverShown) {
  const auto settings = PanelSettings();
  EXPECT_FALSE(Configuration::Load(settings, {}, {}, {{"secret_key", kSecretKey}}));
  const auto loaded = Configuration::Load(settings, {}, {{"SECRET_KEY", kSecretKey}}, {});
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->Describe(), Not(HasSubstr(kSecretKey)));
}

TEST(PanelConfiguration, EverySetting_HasItsLineInTheDocumentation) {
  const auto page =
      ReadFile(Path(PROV_SOURCE_DIR) / "docs/operations/panel.md", std::size_t{1} << 20);
  ASSERT_TRUE(page);
  for (const auto& setting : PanelSettings()) {
    EXPECT_THAT(*page, HasSubstr("`" + setting.name + "`"));
  }
}

TEST(PanelConfiguration, WhatNeedsARestart_IsNamed) {
  const PanelConfiguration running{.address = "127.0.0.1", .port = 5000, .state_dir = "/a"};
  auto wanted = running;
  wanted.log_level = LogLevel::kDebug;
  EXPECT_THAT(NeedRestart(running, wanted), ::testing::IsEmpty());
  wanted.port = 5001;
  wanted.state_dir = "/b";
  wanted.redis.url = "redis://localhost";
  wanted.rabbitmq.url = "amqp://localhost";
  wanted.tls.emplace();
  EXPECT_THAT(NeedRestart(running, wanted),
              ::testing::ElementsAre("panel_listen", "state_dir", "redis_url", "rabbitmq_url",
                                     "panel_tls_cert"));
}

}  // namespace
}  // namespace prov::panel
