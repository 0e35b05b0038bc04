"""The audit's hash chain (docs/formats/store.md)."""

import hashlib
import struct


def audit_hash(entry):
    def field(data):
        return struct.pack(">Q", len(data)) + data

    texts = [entry[name].encode() for name in ("user", "action", "subject", "detail")]
    data = b"provisioning audit v1" + struct.pack(">Qq", entry["sequence"], entry["at"])
    data += b"".join(map(field, [*texts, bytes.fromhex(entry["previous"])]))
    return hashlib.sha256(data).hexdigest()


def chained(entries):
    """The same with `previous` and `hash`, numbered from 1."""
    chain, last = [], bytes(32).hex()
    for sequence, entry in enumerate(entries, 1):
        entry = {"sequence": sequence} | entry | {"previous": last}
        last = audit_hash(entry)
        chain.append(entry | {"hash": last})
    return chain
