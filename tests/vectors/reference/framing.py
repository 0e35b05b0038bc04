"""Records of journal and log, and zstd without compression (docs/formats/journal.md, log-frames.md;
RFC 8878)."""

import struct
import uuid


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def record(sequence, body):
    head = struct.pack("<IQI", len(body), sequence, crc32c(body))
    return head + struct.pack("<I", crc32c(head)) + body


def log_frame(sequence, milliseconds, stream, data):
    return record(sequence, struct.pack("<qB", milliseconds, stream) + data)


def zstd(data):
    """One frame of one raw block: any decoder takes it."""
    return b"\x28\xb5\x2f\xfd" + zstd_header(len(data)) + zstd_block(0, len(data), True) + data


def zstd_header(size):
    return b"\xa0" + struct.pack("<I", size)  # single segment, the content's size in 4 bytes


def zstd_block(kind, size, last):
    return struct.pack("<I", size << 3 | kind << 1 | last)[:3]


def journal(epoch, first, bodies):
    head = b"PROVJNL1" + uuid.UUID(epoch).bytes + struct.pack("<Q", first)
    head += struct.pack("<I", crc32c(head))
    return head + b"".join(record(first + i, body) for i, body in enumerate(bodies))
