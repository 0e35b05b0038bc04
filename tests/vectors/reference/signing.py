"""Keys and envelopes (docs/formats/keys.md, envelope.md)."""

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


def envelope(payload_type, payload, keyid, key):
    kind, data = payload_type.encode(), payload.encode()
    encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(data), data)
    sig = hmac.new(key, encoded, hashlib.sha256).digest()
    signatures = [{"keyid": keyid, "sig": b64(sig)}]
    return compact({"payloadType": payload_type, "payload": b64(data), "signatures": signatures})
