#!/usr/bin/env python3
"""Writes http.json, tree.json and enroll.json beside this file, with Python's hmac and hashlib only,
so that the C++ is held to an implementation it shares nothing with."""

import base64
import hashlib
import hmac
import json
import pathlib

SECRET = "correct horse battery staple, thirty-two bytes and more"
AGENT = "agent-web1"
TOKEN_ID = "01935a3c-0000-7000-8000-000000000001"
NONCE = "000102030405060708090a0b0c0d0e0f"


def b64(data):
    return base64.b64encode(data).decode()


def hkdf(ikm, info):
    prk = hmac.new(b"provisioning/v1", ikm, hashlib.sha256).digest()
    return hmac.new(prk, info.encode() + b"\x01", hashlib.sha256).digest()


def key(purpose, generation):
    return hkdf(SECRET.encode(), f"{purpose}\n{AGENT}\n{generation}")


def http():
    cases = []
    for target in ("/agent/v1/poll?wait=10&x=%20", "/agent/v1/events"):
        body, created = b'{"a":1}', 1800000000
        path, _, query = target.partition("?")
        digest = f"sha-256=:{b64(hashlib.sha256(body).digest())}:"
        params = (
            '("@method" "@path" "@query" "content-digest")'
            f';created={created};nonce="{NONCE}";alg="hmac-sha256";keyid="http/{AGENT}/1"'
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
        sig = hmac.new(key("http", 1), base.encode(), hashlib.sha256).digest()
        cases.append(
            {
                "target": target,
                "body": body.decode(),
                "created": created,
                "nonce": NONCE,
                "keyid": f"http/{AGENT}/1",
                "content_digest": digest,
                "signature_input": "sig1=" + params,
                "signature": f"sig1=:{b64(sig)}:",
            }
        )
    return cases


def tree():
    entries = [
        {"path": "files", "directory": True},
        {"path": "files/empty", "mode": 0o644, "text": ""},
        {"path": "files/a.conf", "mode": 0o600, "text": "x=1\n"},
        {"path": "files-b", "mode": 0o640, "text": "sorts before files/ and after files"},
        {"path": "install.sh", "mode": 0o700, "text": "#!/usr/bin/env bash\nexit 0\n"},
        {"path": "é", "mode": 0o444, "text": "utf-8"},
    ]
    lines = b""
    for e in sorted(entries, key=lambda e: e["path"].encode()):
        if e.get("directory"):
            lines += b"d 0755 0 - " + e["path"].encode() + b"\n"
            continue
        data = e["text"].encode()
        mode = b"0755" if e["mode"] & 0o100 else b"0644"
        line = b"f %s %d %s " % (mode, len(data), hashlib.sha256(data).hexdigest().encode())
        lines += line + e["path"].encode() + b"\n"
    return {"entries": entries, "digest": "sha256:" + hashlib.sha256(lines).hexdigest()}


def enrol():
    secret = hkdf(SECRET.encode(), f"enroll-token\n{TOKEN_ID}")
    text = f"pe1.{TOKEN_ID}." + base64.urlsafe_b64encode(secret).decode().rstrip("=")
    mac = hkdf(secret, f"enroll\n{AGENT}\n{TOKEN_ID}")
    return {"secret": SECRET, "id": TOKEN_ID, "agent": AGENT, "token": text, "key": mac.hex()}


for name, vector in {"http": http(), "tree": tree(), "enroll": enrol()}.items():
    path = pathlib.Path(__file__).with_name(f"{name}.json")
    path.write_text(json.dumps(vector, indent=2, ensure_ascii=False) + "\n")
