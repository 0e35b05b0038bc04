// The net role's requests, signed with its http key (RFC 9421; docs/formats/keys.md): over
// "@method", "@path", "@query" and "content-digest" (RFC 9530, sha-256), with created, keyid and
// nonce. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace prov::signing {

inline constexpr Seconds kHttpSignatureWindow{60};

struct HttpRequestParts {
  std::string_view method;  // "POST"
  std::string_view target;  // origin form: "/agent/v1/poll?wait=10"
  std::string_view body;
};

// The three header fields' values.
struct HttpSignature {
  std::string content_digest;   // Content-Digest
  std::string signature_input;  // Signature-Input
  std::string signature;        // Signature
};

// What a Signature-Input says; to be believed only after VerifyHttp.
struct HttpSignatureParameters {
  std::int64_t created = 0;  // seconds since 1970
  std::string nonce;         // 32 hex digits
  std::string keyid;         // names the agent and the generation: "http/agent-1/1"
};

// What SignHttp writes as keyid, and back. kUnauthenticated for any other spelling.
std::string HttpKeyId(std::string_view agent, std::uint32_t generation);
struct HttpKeyName {
  std::string agent;
  std::uint32_t generation = 0;  // from 1
};
Result<HttpKeyName> ParseHttpKeyId(std::string_view keyid);

std::string ContentDigest(std::string_view body);
HttpSignature SignHttp(const HttpRequestParts& request, const HttpSignatureParameters& parameters,
                       std::string_view key);
// Reads only what SignHttp writes: one spelling, one label, all four components.
Result<HttpSignatureParameters> ParseHttpSignature(std::string_view signature_input);
// kUnauthenticated unless the signature is by `key` over exactly this request, and `created` is
// within 60 s of `now`. The caller takes the nonce in its replay window afterwards.
Status VerifyHttp(const HttpRequestParts& request, const HttpSignature& signature,
                  std::string_view key, WallTime now);

}  // namespace prov::signing
