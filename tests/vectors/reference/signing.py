"""Keys, envelopes, enrolment tokens, signed requests and the installer digest (docs/formats/keys.md, envelope.md)."""

import base64
import hashlib
import hmac

from reference import compact


def b64(data):
    return base64.b64encode(data).decode()


def hkdf(ikm, info):
    prk = hmac.new(b"provisioning/v1", ikm, hashlib.sha256).digest()
    return hmac.new(prk, info.encode() + b"\x01", hashlib.sha256).digest()


def agent_key(secret, purpose, agent, generation):
    return hkdf(secret.encode(), f"{purpose}\n{agent}\n{generation}")


def agent_keys(secret, agent, generation):
    return {purpose: b64(agent_key(secret, purpose, agent, generation)) for purpose in ("job", "event", "http")}


def pre_authentication(payload_type, payload):
    kind, data = payload_type.encode(), payload.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(data), data)


def envelope(payload_type, payload, keyid, key):
    sig = hmac.new(key, pre_authentication(payload_type, payload), hashlib.sha256).digest()
    signatures = [{"keyid": keyid, "sig": b64(sig)}]
    return compact({"payloadType": payload_type, "payload": b64(payload.encode()), "signatures": signatures})


def token_secret(secret, token):
    return hkdf(secret.encode(), f"enroll-token\n{token}")


def token_text(secret, token):
    return f"pe1.{token}." + base64.urlsafe_b64encode(token_secret(secret, token)).decode().rstrip("=")


def enroll_key(secret, agent, token):
    return hkdf(token_secret(secret, token), f"enroll\n{agent}\n{token}")


def http_signature(target, body, created, nonce, keyid, key):
    """The three header fields of a POST."""
    path, _, query = target.partition("?")
    digest = f"sha-256=:{b64(hashlib.sha256(body).digest())}:"
    params = (
        '("@method" "@path" "@query" "content-digest")'
        f';created={created};nonce="{nonce}";alg="hmac-sha256";keyid="{keyid}"'
    )
    base = "\n".join(
        [
            '"@method": POST',
            f'"@path": {path}',
            f'"@query": ?{query}',
            f'"content-digest": {digest}',
            f'"@signature-params": {params}',
        ]
    )
    sig = hmac.new(key, base.encode(), hashlib.sha256).digest()
    return {"content_digest": digest, "signature_input": "sig1=" + params, "signature": f"sig1=:{b64(sig)}:"}


def tree_digest(entries):
    lines = b""
    for entry in sorted(entries, key=lambda entry: entry["path"].encode()):
        if entry.get("directory"):
            lines += b"d 0755 0 - " + entry["path"].encode() + b"\n"
            continue
        data = entry["text"].encode()
        mode = b"0755" if entry["mode"] & 0o100 else b"0644"
        line = b"f %s %d %s " % (mode, len(data), hashlib.sha256(data).hexdigest().encode())
        lines += line + entry["path"].encode() + b"\n"
    return "sha256:" + hashlib.sha256(lines).hexdigest()
