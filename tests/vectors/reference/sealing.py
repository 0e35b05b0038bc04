"""Sealed boxes (docs/formats/envelope.md): X25519 (RFC 7748), XSalsa20 and Poly1305 as libsodium's crypto_box_seal
joins them. For vectors only: it takes its time, and shows by it what it works on."""

import hashlib
import struct

PRIME = 2**255 - 19


def x25519(scalar, point):
    k = int.from_bytes(scalar, "little") & ~7 & (1 << 255) - 1 | 1 << 254
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, x1, 1
    for bit in range(254, -1, -1):
        swap = k >> bit & 1
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        x3, z3 = (da + cb) ** 2 % PRIME, x1 * (da - cb) ** 2 % PRIME
        x2, z2 = aa * bb % PRIME, (aa - bb) * (aa + 121665 * (aa - bb)) % PRIME
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, PRIME - 2, PRIME) % PRIME).to_bytes(32, "little")


def public_key(private):
    return x25519(private, b"\x09" + bytes(31))


def salsa20_rounds(key, block):
    """The state before and after the 20 rounds."""
    c, k, n = struct.unpack("<4I", b"expand 32-byte k"), struct.unpack("<8I", key), struct.unpack("<4I", block)
    start = [c[0], *k[:4], c[1], *n, c[2], *k[4:], c[3]]
    x = list(start)

    def quarter(a, b, c, d):
        for to, one, other, by in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
            total = x[one] + x[other] & 0xFFFFFFFF
            x[to] ^= total << by & 0xFFFFFFFF | total >> 32 - by

    for _ in range(10):
        for column in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)):
            quarter(*column)
        for row in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            quarter(*row)
    return start, x


def hsalsa20(key, block):
    _, x = salsa20_rounds(key, block)
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def xsalsa20_stream(key, nonce, size):
    key, stream = hsalsa20(key, nonce[:16]), b""
    while len(stream) < size:
        start, x = salsa20_rounds(key, nonce[16:] + struct.pack("<Q", len(stream) // 64))
        stream += struct.pack("<16I", *(a + b & 0xFFFFFFFF for a, b in zip(start, x)))
    return stream[:size]


def poly1305(key, data):
    r, total = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF, 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at : at + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return (total + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def seal_bytes(public, plain, ephemeral):
    """crypto_box_seal with `ephemeral` for the private key that it would make."""
    sender = public_key(ephemeral)
    nonce = hashlib.blake2b(sender + public, digest_size=24).digest()
    stream = xsalsa20_stream(hsalsa20(x25519(ephemeral, public), bytes(16)), nonce, 32 + len(plain))
    hidden = bytes(a ^ b for a, b in zip(plain, stream[32:]))
    return sender + poly1305(stream[:32], hidden) + hidden


def fields(*texts):
    return b"".join(struct.pack(">I", len(text.encode())) + text.encode() for text in texts)


def seal(public, job, name, value, ephemeral):
    return seal_bytes(public, fields("1", job, name, value), ephemeral)


def throwaway(*named):
    """A private key that nothing but these names is needed for, so that a vector is the same each time."""
    return hashlib.sha256("\n".join(named).encode()).digest()
