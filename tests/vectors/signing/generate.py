#!/usr/bin/env python3
"""Writes the vectors of this directory into the one given, or beside this file."""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from reference import AGENT, SECRET, compact, write  # noqa: E402
from reference.documents import set_at, spoilt, without  # noqa: E402
from reference.sealing import fields, public_key, seal, seal_bytes, throwaway  # noqa: E402
from reference.signing import (  # noqa: E402
    agent_key,
    agent_keys,
    b64,
    enroll_key,
    envelope,
    http_signature,
    pre_authentication,
    token_text,
    tree_digest,
)

TOKEN = "01935a3c-0000-7000-8000-000000000001"
OTHER = "01935a3c-0000-7000-8000-000000000002"
NIL = "00000000-0000-0000-0000-000000000000"
NONCE = "000102030405060708090a0b0c0d0e0f"
SEALING = bytes(range(32))
ORDER = "application/vnd.provisioning.job.v1+json"
REQUEST = "application/vnd.provisioning.enrolment.v1+json"
ANSWER = "application/vnd.provisioning.enrolment-answer.v1+json"
UNSIGNED = "no key that is valid here has signed this envelope"


def dsse():
    rows = [
        ("empty payload", ORDER, ""),
        ("DSSE's own example", "http://example.com/HelloWorld", "hello world"),
        ("UTF-8 and newline", ORDER, '{"name":"é\\n","n":1}\n'),
    ]
    return {
        "envelopes": [
            {
                "name": name,
                "payload_type": payload_type,
                "payload": payload,
                "keyid": "job-1",
                "key_hex": SEALING.hex(),
                "pae_hex": pre_authentication(payload_type, payload).hex(),
                "envelope": envelope(payload_type, payload, "job-1", SEALING),
            }
            for name, payload_type, payload in rows
        ]
    }


def keys():
    secrets = ["0123456789abcdef" * 2, "ein-längerer-Schlüssel-mit-Umlauten-äöü-0123456789"]
    return {
        "keys": [
            {
                "secret_key": secret,
                "purpose": purpose,
                "agent_id": agent,
                "generation": generation,
                "key_hex": agent_key(secret, purpose, agent, generation).hex(),
            }
            for secret in secrets
            for agent in ("agent-web-01", "a", "A.b_c-9")
            for generation in (1, 2, 2**32 - 1)
            for purpose in ("job", "event", "http")
        ],
        "refused": [
            {"why": why, "secret_key": "0" * size, "agent_id": agent}
            for why, size, agent in (
                ("31 bytes", 31, "a"),
                ("empty id", 32, ""),
                ("leading dash", 32, "-a"),
                ("newline", 32, "a\n"),
                ("slash", 32, "a/b"),
                ("129 characters", 32, "a" * 129),
            )
        ],
    }


def sealed():
    job, public = "018f3c5e-7a6e-7000-8000-00000000abcd", public_key(SEALING)
    good = [("admin_password", "correct horse battery staple"), ("note", "é\n"), ("empty", "")]
    form = "a sealed value has an unknown form"
    refused = [
        ("for another job", fields("1", OTHER, "note", "x"), "a sealed value belongs to another job"),
        ("the job in capitals", fields("1", job.upper(), "note", "x"), "a sealed value belongs to another job"),
        ("for another input", fields("1", job, "notes", "x"), "a sealed value belongs to another input"),
        ("another version", fields("2", job, "note", "x"), form),
        ("a field less", fields("1", job, "note"), form),
        ("a field more", fields("1", job, "note", "x", ""), form),
        ("a byte more", fields("1", job, "note", "x") + b"x", form),
        ("a byte less", fields("1", job, "note", "xx")[:-1], form),
        ("lengths in little endian", b"\x01\0\0\x001" + fields(job, "note", "x"), form),
        ("nothing", b"", form),
    ]
    boxes = [(name, seal_bytes(public, plain, throwaway(name)), says) for name, plain, says in refused]
    right = seal(public, job, "note", "x", throwaway("right"))
    key = "a sealed value was not sealed to this server's key"
    boxes += [
        ("to another key", seal(public_key(throwaway("other")), job, "note", "x", throwaway("x")), key),
        ("a byte changed", right[:-1] + bytes([right[-1] ^ 1]), key),
        ("too short to be one", right[:47], "a sealed value is too short"),
    ]
    return {
        "private_key_hex": SEALING.hex(),
        "public_key_hex": public.hex(),
        "job_id": job,
        "sealed": [
            {"input": name, "value": value, "sealed": b64(seal(public, job, name, value, throwaway(name)))}
            for name, value in good
        ],
        "refused": [
            {"name": name, "input": "note", "sealed": b64(box), "error": "permission_denied", "says": says}
            for name, box, says in boxes
        ],
    }


def http():
    keyid, body, created = f"http/{AGENT}/1", '{"a":1}', 1800000000
    key = agent_key(SECRET, "http", AGENT, 1)
    return [
        {"target": target, "body": body, "created": created, "nonce": NONCE, "keyid": keyid}
        | http_signature(target, body.encode(), created, NONCE, keyid, key)
        for target in ("/agent/v1/poll?wait=10&x=%20", "/agent/v1/events")
    ]


def tree():
    entries = [
        {"path": "files", "directory": True},
        {"path": "files/empty", "mode": 0o644, "text": ""},
        {"path": "files/a.conf", "mode": 0o600, "text": "x=1\n"},
        {"path": "files-b", "mode": 0o640, "text": "sorts before files/ and after files"},
        {"path": "install.sh", "mode": 0o700, "text": "#!/usr/bin/env bash\nexit 0\n"},
        {"path": "é", "mode": 0o444, "text": "utf-8"},
    ]
    return {"entries": entries, "digest": tree_digest(entries)}


def enroll():
    key = enroll_key(SECRET, AGENT, TOKEN)
    return {"secret": SECRET, "id": TOKEN, "agent": AGENT, "token": token_text(SECRET, TOKEN), "key": key.hex()}


GOOD_REQUEST = {
    "token": TOKEN,
    "agent": AGENT,
    "epoch": "01935a3c-0000-7000-8000-00000000000e",
    "sealing_key": b64(public_key(SEALING)),
    "facts": {"os": {"id": "debian", "pretty_name": "Größe"}, "cpus": 2},
    "nonce": NONCE,
    "issued_at": "2026-11-24T00:05:00.000Z",
}
GOOD_ANSWER = {"token": TOKEN, "agent": AGENT, "generation": 2, "nonce": NONCE}


def signed(payload_type, payload, **by):
    token = by.get("token", TOKEN)
    key = enroll_key(by.get("secret", SECRET), by.get("agent", AGENT), token)
    return envelope(payload_type, payload, by.get("keyid", f"enroll/{token}"), key)


def requests():
    rule = "names an agent, a nonce of 32 hex digits and a sealing key of 32 bytes"
    table = [
        ("/token", TOKEN.upper(), "/token: "),
        ("/token", 1, "/token: must be a string"),
        ("/agent", "", rule),
        ("/agent", "-a", rule),
        ("/agent", "a/b", rule),
        ("/agent", "a" * 129, rule),
        ("/epoch", "first", "/epoch: "),
        ("/sealing_key", b64(bytes(31)), rule),
        ("/sealing_key", b64(bytes(33)), rule),
        ("/sealing_key", b64(bytes(32)).rstrip("="), rule),
        ("/facts", [], "/facts: must be an object"),
        ("/facts", None, "/facts: must be an object"),
        ("/nonce", NONCE[1:], rule),
        ("/nonce", NONCE.upper(), rule),
        ("/issued_at", 1795478700, "/issued_at: must be a string"),
        ("/issued_at", "2026-11-24 00:05:00", "/issued_at: "),
    ]
    at, good = GOOD_REQUEST["issued_at"], compact(GOOD_REQUEST)
    secret_held = compact(GOOD_REQUEST | {"token": NIL})
    clock = "set the server's clock right"
    accepted = [
        {"name": "by a token", "token": TOKEN, "now": at, "payload": good},
        {"name": "by SECRET_KEY", "token": NIL, "now": at, "payload": secret_held},
        {"name": "5 minutes ago", "token": TOKEN, "now": "2026-11-24T00:10:00.000Z", "payload": good},
        {"name": "5 minutes ahead", "token": TOKEN, "now": "2026-11-24T00:00:00.000Z", "payload": good},
    ]
    for row in accepted:
        row["envelope"] = signed(REQUEST, row["payload"], token=row["token"])
    accepted.append(accepted[0] | {"name": "64 KiB", "pad_to": 64 << 10})
    refused = [
        (name, at, signed(REQUEST, payload), "invalid_argument", says)
        for name, payload, says in spoilt(GOOD_REQUEST, "agent", table)
    ] + [
        ("too long ago", "2026-11-24T00:10:00.001Z", signed(REQUEST, good), "invalid_argument", clock),
        ("too far ahead", "2026-11-23T23:59:59.999Z", signed(REQUEST, good), "invalid_argument", clock),
        ("an answer", at, signed(ANSWER, good), "invalid_argument", "/payloadType: "),
        ("an order", at, signed(ORDER, good), "invalid_argument", "/payloadType: "),
        ("by another token", at, signed(REQUEST, good, token=OTHER), "permission_denied", UNSIGNED),
        ("by another token in this one's name", at,
         signed(REQUEST, good, token=OTHER, keyid=f"enroll/{TOKEN}"), "permission_denied", UNSIGNED),
        ("by this token in another's name", at,
         signed(REQUEST, good, keyid=f"enroll/{OTHER}"), "permission_denied", UNSIGNED),
        ("by another agent", at, signed(REQUEST, good, agent="agent-web2"), "permission_denied", UNSIGNED),
        ("by another SECRET_KEY", at, signed(REQUEST, good, secret="0" * 32), "permission_denied", UNSIGNED),
        ("by the agent's job key", at,
         envelope(REQUEST, good, f"job/{AGENT}/1", agent_key(SECRET, "job", AGENT, 1)), "permission_denied", UNSIGNED),
    ]
    rows = [dict(zip(("name", "now", "envelope", "error", "says"), row)) for row in refused]
    too_large = {"name": "a byte more than 64 KiB", "now": at, "envelope": signed(REQUEST, good),
                 "pad_to": (64 << 10) + 1, "error": "too_large", "says": "65536 bytes"}
    return accepted, rows + [too_large]


def key_boxes(document, say, **sealed_for):
    """(name, box, error, says): each a box that does not hold the agent's keys."""
    job, name = sealed_for["job"], sealed_for["name"]

    def box(text, to=SEALING, job=job, name=name):
        return b64(seal(public_key(to), job, name, text, throwaway(say, job, name, text)))

    good, own = compact(document), document.get("keys", document)

    def with_keys(changed):
        return compact(document | {"keys": changed} if "keys" in document else changed)

    at = "/keys" if "keys" in document else ""
    size = "is not 32 bytes"
    rows = [
        ("to another key", box(good, to=throwaway("other")), "permission_denied", "this server's key"),
        ("for another job", box(good, job=OTHER), "permission_denied", "another job"),
        ("for another input", box(good, name="password"), "permission_denied", "another input"),
        ("not JSON", box(good[:-1]), "invalid_argument", "not valid JSON"),
        ("a key more", box(with_keys(own | {"root": own["job"]})), "invalid_argument",
         f"{at}/root: is not a known member"),
        ("not base64", box(good) + "=", "invalid_argument", "base64"),
    ]
    for purpose in ("job", "event", "http"):
        rows += [
            (f"without {purpose}", box(with_keys(without(own, purpose))), "invalid_argument",
             f"{at}/{purpose}: is missing"),
            (f"{purpose}: 31 bytes", box(with_keys(own | {purpose: b64(bytes(31))})), "corrupt", size),
            (f"{purpose}: 33 bytes", box(with_keys(own | {purpose: b64(bytes(33))})), "corrupt", size),
            (f"{purpose}: not base64", box(with_keys(own | {purpose: "AAEC="})), "invalid_argument", "base64"),
        ]
    return box(good), rows


def answers():
    sealed_text = agent_keys(SECRET, AGENT, GOOD_ANSWER["generation"])
    box, bad_boxes = key_boxes(sealed_text, "answer", job=TOKEN, name="enrolment")
    good = GOOD_ANSWER | {"keys": box}
    another = "the panel answered another enrolment"
    table = [
        ("/token", OTHER, another),
        ("/agent", "agent-web2", another),
        ("/nonce", NONCE[::-1], another),
        ("/generation", 0, another),
    ]
    malformed = [
        ("/token", "first", "/token: "),
        ("/generation", -1, "/generation: "),
        ("/generation", 1.5, "/generation: must be an integer"),
        ("/keys", sealed_text, "/keys: must be a string"),
    ]
    refused = [
        (name, signed(ANSWER, payload), "invalid_argument", says)
        for name, payload, says in spoilt(good, "agent", malformed)
    ]
    refused += [
        (f"{pointer}: {compact(value)}", signed(ANSWER, compact(set_at(good, pointer, value))), "permission_denied", says)
        for pointer, value, says in table
    ]
    refused += [
        (f"keys: {name}", signed(ANSWER, compact(good | {"keys": bad})), error, says)
        for name, bad, error, says in bad_boxes
    ]
    refused += [
        ("the request", signed(REQUEST, compact(GOOD_REQUEST)), "invalid_argument", "/payloadType: "),
        ("by another token", signed(ANSWER, compact(good), token=OTHER), "permission_denied", UNSIGNED),
        ("by another agent", signed(ANSWER, compact(good), agent="agent-web2"), "permission_denied", UNSIGNED),
    ]
    payload = compact(good)
    accepted = {"payload": payload, "sealed_text": compact(sealed_text), "envelope": signed(ANSWER, payload)}
    return accepted, [dict(zip(("name", "envelope", "error", "says"), row)) for row in refused]


def enrolment():
    accepted, refused = requests()
    answer, refused_answers = answers()
    return {
        "secret": SECRET,
        "agent": AGENT,
        "token": TOKEN,
        "sealing_private_key_hex": SEALING.hex(),
        "requests": accepted,
        "refused_requests": refused,
        "answer": answer,
        "refused_answers": refused_answers,
    }


def rotation():
    document = {"agent": AGENT, "generation": 3, "keys": agent_keys(SECRET, AGENT, 3)}
    box, refused = key_boxes(document, "rotation", job=NIL, name="keys")

    def sealed_to_it(text):
        return b64(seal(public_key(SEALING), NIL, "keys", text, throwaway("rotation", text)))

    refused += [
        (name, sealed_to_it(payload), "invalid_argument", says)
        for name, payload, says in spoilt(document, "agent", [("/generation", "3", "/generation: must be an integer")])
    ]
    refused += [
        (f"{member}: {compact(value)}", sealed_to_it(compact(document | {member: value})), "permission_denied",
         "they are another agent's keys")
        for member, value in (("agent", "agent-web2"), ("generation", 0))
    ]
    return {
        "secret": SECRET,
        "agent": AGENT,
        "generation": 3,
        "sealing_private_key_hex": SEALING.hex(),
        "sealed": box,
        "sealed_text": compact(document),
        "refused": [dict(zip(("name", "sealed", "error", "says"), row)) for row in refused],
    }


write(
    sys.argv[1] if len(sys.argv) > 1 else HERE,
    dsse=dsse(),
    keys=keys(),
    sealed=sealed(),
    http=http(),
    tree=tree(),
    enroll=enroll(),
    enrolment=enrolment(),
    rotation=rotation(),
)
