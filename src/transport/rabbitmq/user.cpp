#include "transport/rabbitmq/user.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "signing/keys.hpp"
#include "transport/rabbitmq/names.hpp"

namespace prov::transport::rabbitmq {
namespace {

constexpr std::size_t kSaltBytes = 4;  // as RabbitMQ wants it

// A regular expression that the text alone matches; names have no other signs that mean something.
std::string Exactly(std::string_view name) {
  std::string pattern;
  for (const char c : name) pattern += c == '.' ? std::string("\\.") : std::string(1, c);
  return pattern;
}

}  // namespace

std::string UserOf(std::string_view agent) { return "agent." + std::string(agent); }

std::string PasswordOf(std::string_view http_key, std::string_view agent) {
  return HexEncode(
      signing::Hkdf(http_key, "provisioning/v1", "rabbitmq\n" + std::string(agent)).view());
}

// https://www.rabbitmq.com/docs/passwords and /docs/access-control
std::string UserDefinitions(std::string_view agent, std::string_view vhost,
                            std::string_view password, Random& random) {
  const auto salt = random.Bytes(kSaltBytes);
  const auto hash = Base64Encode(salt + Sha256(salt + std::string(password)));
  const auto user = UserOf(agent);
  const auto read = "^" + Exactly(QueueOf(agent)) + "$";
  const auto keys = "^(" + Exactly(PresenceKey(agent)) + "|" + Exactly(EventsKey(agent)) + ")$";
  using boost::json::array;
  using boost::json::object;
  return json::Serialize(
      object{{"users", array{object{{"name", user},
                                    {"password_hash", hash},
                                    {"hashing_algorithm", "rabbit_password_hashing_sha256"},
                                    {"tags", ""}}}},
             {"permissions", array{object{{"user", user},
                                          {"vhost", vhost},
                                          {"configure", "^$"},
                                          {"write", "^" + Exactly(kAgentsExchange) + "$"},
                                          {"read", read}}}},
             {"topic_permissions", array{object{{"user", user},
                                                {"vhost", vhost},
                                                {"exchange", kAgentsExchange},
                                                {"write", keys},
                                                {"read", "^$"}}}}});
}

}  // namespace prov::transport::rabbitmq
