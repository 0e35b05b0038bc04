#!/usr/bin/env python3
"""seeds.py NAME DIR: what the fuzzer NAME begins with, one file each: the vectors of tests/vectors, and a few of its own."""
import hashlib
import json
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
VECTORS = ROOT / "tests/vectors"
sys.path.append(str(VECTORS))
from reference import compact, framing  # noqa: E402

KINDS = {"cancel": b"\x00", "drain": b"\x01", "ack": b"\x02", "keys": b"\x03", "query": b"\x04", "order": b"o"}  # payload.cpp


def vectors(path):
    return json.loads((VECTORS / path).read_text())


def manifest():
    for path in VECTORS.glob("contract/*.json"):
        for vector in json.loads(path.read_text()):
            if "manifest" in vector and "append" not in vector:
                yield vector["manifest"].encode()
    for path in ROOT.glob("installers/*/manifest.yml"):
        yield path.read_bytes()


def envelope():
    for vector in vectors("signing/dsse.json")["envelopes"] + vectors("job/signed.json")["signed"]:
        yield vector["envelope"].encode()
    yield compact({"payloadType": "application/vnd.provisioning.job.v1+json", "payload": "e30=", "signatures": []}).encode()


def payload():
    for kind, vector in vectors("job/payloads.json").items():
        first = KINDS.get(kind, b"e")  # else an event
        yield first + compact(vector["valid"]).encode()
        for row in vector["refused"]:
            if row["at"].count("/") == 1:
                yield first + compact({**vector["valid"], row["at"][1:]: row["value"]}).encode()
    for vector in vectors("job/signed.json")["signed"]:
        yield KINDS.get(vector["kind"], b"e") + vector["payload"].encode()


def http():
    host = "Host: panel.example.test\r\n"
    for vector in vectors("signing/http.json"):
        body = vector["body"]
        yield (f"POST {vector['target']} HTTP/1.1\r\n{host}Content-Length: {len(body)}\r\nContent-Digest: {vector['content_digest']}\r\n"
               f"Signature-Input: {vector['signature_input']}\r\nSignature: {vector['signature']}\r\n\r\n{body}").encode()
    for text in (f"GET /api/jobs/01935a3c-0000-7000-8000-000000000002/log?from=1&limit=2%30 HTTP/1.1\r\n{host}Accept: text/plain;q=0.5\r\n\r\n",
                 f"POST /a HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
                 f"POST /a HTTP/1.1\r\n{host}Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabcGET /b+%2b?c=d+e HTTP/1.1\r\n{host}\r\n",
                 f"HEAD / HTTP/1.0\r\n{host}Connection: keep-alive, close\r\n\r\nGET / HTTP/1.1\r\n{host}\r\n",
                 f"POST / HTTP/1.1\r\n{host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 f"POST / HTTP/1.1\r\n{host}Content-Length: 2000\r\n\r\n", f"GET / HTTP/1.1\r\n{host}X:\r\n y\r\n\r\n",
                 f"GET / HTTP/1.1\r\n{host}Connection: close\r\nX: {'x' * 1100}\r\n\r\n", f"\r\n\r\nGET /%41 HTTP/1.1\r\n{host}\r\n",
                 f"DELETE //%2F/..;a?&&=&a=%00 HTTP/1.1\r\n{host}\r\n", "GET / HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\nb: c\r\n\r\n"):
        yield text.encode()


def resp():
    for text in ("+OK\r\n", "-ERR unknown command\r\n", ":1000\r\n:-1\r\n", "$5\r\nhello\r\n", "$0\r\n\r\n", "$-1\r\n*-1\r\n_\r\n",
                 "*2\r\n$3\r\nfoo\r\n*1\r\n:1\r\n", "#t\r\n#f\r\n", ",1.25\r\n,inf\r\n,-inf\r\n,nan\r\n,1e3\r\n",
                 "(3492890328409238509324850943850943825024385\r\n", "!9\r\nSYNTAX no\r\n", "=15\r\ntxt:Some string\r\n",
                 "%2\r\n+first\r\n:1\r\n+second\r\n~2\r\n:2\r\n:3\r\n", ">3\r\n+message\r\n+channel\r\n$2\r\nhi\r\n",
                 "|1\r\n+key-popularity\r\n%1\r\n$1\r\na\r\n,0.19\r\n*1\r\n|0\r\n:5\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n",
                 "*40\r\n", "%20\r\n", "$300\r\n", "$4096\r\n", "*9223372036854775807\r\n", "$?\r\n;4\r\nHell\r\n;0\r\n", "HTTP/1.1 400\r\n", "+a\rb\r\n", "+a\n",
                 "*1\r\n>1\r\n+a\r\n", "$3\r\nabcd\r\n", f"+{'x' * 400}\r\n", f"*9\r\n{('$70' + chr(13) + chr(10) + 'y' * 70 + chr(13) + chr(10)) * 9}"):
        yield text.encode()
    # Over each limit, and whole: what does not stop at it has a reply that is too large.
    yield b"$300\r\n" + b"x" * 300 + b"\r\n"
    yield b"*1\r\n" * 6 + b":1\r\n"
    yield b"*40\r\n" + b":1\r\n" * 40
    yield b"*4\r\n" + (b"*9\r\n" + b":1\r\n" * 9) * 4


def amqp():
    def short(text):
        return bytes([len(text)]) + text

    def field(key, kind, value):
        return short(key) + kind + value

    def long(text):
        return struct.pack(">I", len(text)) + text

    def frame(kind, channel, payload):
        return struct.pack(">BH", kind, channel) + long(payload) + b"\xce"

    def method(channel, of, number, arguments=b""):
        return frame(1, channel, struct.pack(">HH", of, number) + arguments)

    def header(channel, size, properties=b"\0\0"):
        return frame(2, channel, struct.pack(">HHQ", 60, 0, size) + properties)
    capabilities = field(b"basic.nack", b"t", b"\x01") + field(b"consumer_cancel_notify", b"t", b"\x01")
    about = (field(b"capabilities", b"F", long(capabilities)) + field(b"product", b"S", long(b"RabbitMQ")) +
             field(b"version", b"S", long(b"3.10.8")))
    other = (field(b"a", b"A", long(b"t\x01" + b"S" + long(b"x"))) + field(b"b", b"b", b"\xff") + field(b"d", b"d", bytes(8)) +
             field(b"D", b"D", b"\x02" + bytes(4)) + field(b"l", b"l", bytes(8)) + field(b"T", b"T", bytes(8)) + field(b"V", b"V", b"") +
             field(b"s", b"s", b"\0\x01") + field(b"x", b"x", long(b"y")))
    start = method(0, 10, 10, b"\0\x09" + long(about) + long(b"PLAIN AMQPLAIN") + long(b"en_US"))
    unblocked = method(0, 10, 61)
    yield start
    yield method(0, 10, 10, b"\0\x09" + long(other) + long(b"") + long(b""))
    yield start + method(0, 10, 30, struct.pack(">HIH", 2047, 131072, 60)) + method(0, 10, 41, short(b"")) + frame(8, 0, b"")
    yield method(0, 10, 50, struct.pack(">H", 403) + short(b"ACCESS_REFUSED") + bytes(4)) + method(0, 10, 51)
    yield method(0, 10, 60, short(b"low on memory")) + unblocked
    yield method(1, 20, 11, long(b"")) + method(1, 20, 40, struct.pack(">H", 404) + short(b"NOT_FOUND") + bytes(4)) + method(1, 20, 41)
    for of, number, arguments in ((40, 11, b""), (50, 11, short(b"q") + bytes(8)), (50, 21, b""), (60, 11, b""), (60, 21, short(b"c")), (85, 11, b""),
                                  (60, 80, bytes(8) + b"\x01"), (60, 120, bytes(8) + b"\x03"), (60, 30, short(b"c") + b"\x01"), (60, 31, b"")):
        yield method(2, of, number, arguments)
    deliver = method(1, 60, 60, short(b"c") + struct.pack(">QB", 7, 1) + short(b"x") + short(b"k"))
    full = (b"\xff\xf8" + short(b"text/plain") + short(b"gzip") + long(field(b"h", b"S", long(b"v"))) + b"\x02\x01" + short(b"c") + short(b"r") +
            short(b"60000") + short(b"id") + bytes(8) + short(b"type") + short(b"user"))
    body = frame(3, 1, b"body")
    yield deliver + header(1, 4) + body
    yield deliver + header(1, 8, full) + body + frame(8, 0, b"") + body
    yield deliver + header(1, 0) + deliver
    yield deliver + header(1, 3) + body
    yield deliver + header(1, 301) + frame(3, 1, b"y" * 300) + frame(3, 1, b"z")
    yield method(3, 60, 50, struct.pack(">H", 312) + short(b"NO_ROUTE") + short(b"x") + short(b"k")) + header(3, 4) + frame(3, 3, b"back")
    yield unblocked + method(4, 20, 11, long(b""))  # of a channel that is not open
    yield unblocked + frame(99, 0, b"") + method(4, 20, 11, long(b""))
    yield unblocked + frame(1, 1, b"") + b"\x03\0\x01\x7f\xff\xff\xff"
    yield b"AMQP\0\0\x09\x01"
    yield b"AMQP\x01\x01\0\x0a" + unblocked
    yield b"HTTP/1.1 400 Bad Request\r\n\r\n"
    one = b"\x07\0\0\0\x01" + short(b"key") + short(b"job") + short(b"id")
    yield b"w\x40\0\0\0" + b"\0" + one + short(b"body") + b"\x01" + b"\0" + b"\0\x02" * 3
    yield b"w\x0f\x01\0\0" + b"\x01" + one + short(b"b" * 200) + b"\x01" + b"\x02" + one + short(b"") + b"\0" + b"\x01\x02\x01\xff\x01\xff\x01"
    yield b"w\0\0\0\0" + b"\0" + one + short(b"c" * 150) + b"\x01\0\0\xff\0\xff"


def sse():
    job = "01935a3c-0000-7000-8000-000000000002"
    opaque = "AQGTWjwAAHAAgAAAAAAAAAICAw"
    for request in (f"/api/jobs/{job}/stream?after=12\n", f"/api/jobs/{job}/stream\n12.1000", f"/api/stream?jobs={job}&topics=jobs,servers\n{opaque}",
                    f"/api/stream?jobs={job},{job}&after={opaque}\n", "/log?attempt=1&from=2&limit=100000\n", "/log?from=0&color=red&from=1\n",
                    "/api/stream?topics=happy\n999999999999999", "/api/jobs/x/stream\n00.5"):
        yield request.encode()
    yield b"c\x02\x01\x05line \xd0\x07\x00\x00\x00\x04more\x02\x02\x00\x01\x01\x00\x00\x00"
    yield b"c\x03\x03\x03one\x02\x01\x00\x10\x27\x00\x00\x04\x02no\x01\x05\x1f" + b"x" * 31 + b"\xb8\x0b\x00\x00\x01\x05\x00\x00\x00"
    yield b"p: comment\n\nretry: 1000\n\nid: 12\nevent: x\ndata: one\rdata: two\r\n\r\n\xef\xbb\xbfdata\n\nid:a\x00b\ndata:c\n\n"


def journal():
    for count in range(4):
        header = b"PROVJNL1" + bytes(16) + struct.pack("<Q", 1)
        data = header + struct.pack("<I", framing.crc32c(header))
        for sequence in range(1, count + 1):
            data += framing.record(sequence, compact({"job": "a", "state": {"status": "running", "attempt": sequence}}).encode())
        yield data
        yield data[:-1]
        yield data + bytes(30)
    yield b"w\x03\x02ab\x00\x03cde\x01\x00\x00\x01\x00\x10\x00\x00\x00"
    yield b"w\x02\x02ab\x00\x03cde\x00\x00\x01\x30\x00\x00\x00\x07"
    yield b"w\x01\x04text\x01\x01\x02\x28\x00\x00\x00"


def masker():
    secret = b"s3cr3t/ pa'ss\"w\\ord+\xc3\xa9"
    head = bytes([0, len(secret)]) + secret
    for form in range(6):
        yield head + b"\x00\x07before " + bytes([1, form]) + b"\x00\x06 after" + bytes([1, form])
    for form in (6, 7):
        for before in (b"", b"u", b"u:", b"u:p"):
            yield head + bytes([1, form, len(before)]) + before + b"\x02xy" + b"\x00\x03end"
    yield b"\x01\x08abcdefgh\x08efghabcd\x01\x00\x03\x00\x01\x00\x00\x03fgh"
    yield b"\x02\x10two\nlines of text\x0aaaaaaaaaaa\x0aaaaaabaaaa\x00\x12aaaaaaaaaabaaaaaaa\x02\x0bines of text"


def log():
    told = vectors("job/log.json")
    for vector in told["frames"]:
        yield bytes.fromhex(vector["hex"])
    for vector in told["chunks"]:
        if len(vector["stored_hex"]) < 8192:
            yield b"c" + bytes.fromhex(vector["stored_hex"])
    for vector in told["lines"]:
        data = b""
        for i, frame in enumerate(vector["frames"], 1):
            data += framing.log_frame(i, frame["time"], frame["stream"], bytes.fromhex(frame["hex"]))
        yield data
    yield b"w\x03\x00\x01\x00\x00\x00\x01\x04a\nb\n\x01\x02\x00\x00\x00\x02\x03c\xffd\x02\x02\x00\x00\x00\x10\x05\xe2\x82\xac\nx\x00\x00\x00\x00\x00"
    yield b"w\x02\x00\x01\x00\x00\x00\x01\x04a\nb\n\x00\x02\x00\x00\x00\x81\x03\n\n\n\x02\x15\x00\x00\x00\x41"


if __name__ == "__main__":
    directory = pathlib.Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    for seed in globals()[sys.argv[1]]():
        (directory / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
