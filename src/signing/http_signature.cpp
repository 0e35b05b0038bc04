#include "signing/http_signature.hpp"

#include <charconv>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "job/grammar.hpp"
#include "signing/keys.hpp"

namespace prov::signing {
namespace {

constexpr std::string_view kComponents =
    R"(("@method" "@path" "@query" "content-digest");created=)";

Error Refused(std::string sentence) {
  return {ErrorCode::kUnauthenticated, std::move(sentence), {}};
}

std::string Parameters(const HttpSignatureParameters& parameters) {
  return fmt::format(R"({}{};nonce="{}";alg="hmac-sha256";keyid="{}")", kComponents,
                     parameters.created, parameters.nonce, parameters.keyid);
}

std::string SignatureBase(const HttpRequestParts& request,
                          const HttpSignatureParameters& parameters,
                          std::string_view content_digest) {
  const auto mark = request.target.find('?');
  const auto path = request.target.substr(0, mark);
  const auto query = mark == std::string_view::npos ? "?" : request.target.substr(mark);
  return fmt::format(
      "\"@method\": {}\n\"@path\": {}\n\"@query\": {}\n\"content-digest\": {}\n"
      "\"@signature-params\": {}",
      request.method, path, query, content_digest, Parameters(parameters));
}

std::string SignatureField(std::string_view mac) {
  return fmt::format("sig1=:{}:", Base64Encode(mac));
}

// The text between `before` and `after`, taken off the front of `rest`.
bool Cut(std::string_view& rest, std::string_view before, std::string_view after,
         std::string_view& found) {
  if (!rest.starts_with(before)) return false;
  rest.remove_prefix(before.size());
  const auto end = rest.find(after);
  if (end == std::string_view::npos) return false;
  found = rest.substr(0, end);
  rest.remove_prefix(end);
  return true;
}

}  // namespace

std::string HttpKeyId(std::string_view agent, std::uint32_t generation) {
  return fmt::format("http/{}/{}", agent, generation);
}

Result<HttpKeyName> ParseHttpKeyId(std::string_view keyid) {
  auto rest = keyid;
  std::string_view agent;
  HttpKeyName name;
  if (Cut(rest, "http/", "/", agent) && IsAgentId(agent)) {
    const auto number = rest.substr(1);
    const auto read =
        std::from_chars(number.data(), number.data() + number.size(), name.generation);
    name.agent = agent;
    if (read.ec == std::errc{} && name.generation != 0 &&
        HttpKeyId(agent, name.generation) == keyid) {
      return name;
    }
  }
  return Refused("the keyid is not one of an agent's http keys");
}

std::string ContentDigest(std::string_view body) {
  return fmt::format("sha-256=:{}:", Base64Encode(Sha256(body)));
}

HttpSignature SignHttp(const HttpRequestParts& request, const HttpSignatureParameters& parameters,
                       std::string_view key) {
  auto digest = ContentDigest(request.body);
  const auto mac = Mac(key, SignatureBase(request, parameters, digest));
  return {std::move(digest), "sig1=" + Parameters(parameters), SignatureField(mac)};
}

Result<HttpSignatureParameters> ParseHttpSignature(std::string_view signature_input) {
  auto rest = signature_input;
  std::string_view created, nonce, keyid;
  HttpSignatureParameters parameters;
  if (Cut(rest, fmt::format("sig1={}", kComponents), ";", created) &&
      Cut(rest, ";nonce=\"", "\"", nonce) &&
      Cut(rest, "\";alg=\"hmac-sha256\";keyid=\"", "\"", keyid)) {
    const auto read =
        std::from_chars(created.data(), created.data() + created.size(), parameters.created);
    parameters.nonce = nonce;
    parameters.keyid = keyid;
    // One spelling: what was read, written again, is what was given.
    if (read.ec == std::errc{} && job::IsNonce(nonce) && ParseHttpKeyId(keyid) &&
        "sig1=" + Parameters(parameters) == signature_input) {
      return parameters;
    }
  }
  return Refused("the Signature-Input is not one this server understands");
}

Status VerifyHttp(const HttpRequestParts& request, const HttpSignature& signature,
                  std::string_view key, WallTime now) {
  PROV_TRY(const auto parameters, ParseHttpSignature(signature.signature_input));
  if (key.size() != kKeyBytes) return Refused("there is no key to verify with");
  const auto expected = SignHttp(request, parameters, key);
  if (!EqualInConstantTime(expected.signature, signature.signature) ||
      expected.content_digest != signature.content_digest) {
    return Refused("the signature does not fit the request");
  }
  const auto now_seconds = std::chrono::floor<Seconds>(now).time_since_epoch().count();
  const auto window = kHttpSignatureWindow.count();
  // `created` is the peer's number: compared without a subtraction that could overflow.
  if (parameters.created < now_seconds - window || parameters.created > now_seconds + window) {
    return Refused("the request was not signed within the last 60 seconds");
  }
  return {};
}

}  // namespace prov::signing
