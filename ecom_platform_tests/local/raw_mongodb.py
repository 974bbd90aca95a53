"""MongoDB's wire protocol by hand, as somebody speaks it who has not logged in."""

from __future__ import annotations

import socket
import struct
import zlib
from typing import Any

import bson

OP_MSG, OP_COMPRESSED = 2013, 2012
ZLIB = 2


def compressors_offered(port: int) -> list[str]:
    """What the server takes of all compressors that its protocol knows."""
    answer = _ask(port, OP_MSG, _message({"hello": 1, "$db": "admin", "compression": ["zlib", "snappy", "zstd"]}))
    assert answer is not None
    return list(bson.decode(answer[5:])["compression"])


def answers_zlib(port: int) -> bool:
    """Whether the server answers a message that is compressed with zlib although that was not agreed."""
    message = _message({"ping": 1, "$db": "admin"})
    head = struct.pack("<iiB", OP_MSG, len(message), ZLIB)
    return _ask(port, OP_COMPRESSED, head + zlib.compress(message)) is not None


def _message(command: dict[str, Any]) -> bytes:
    return struct.pack("<iB", 0, 0) + bson.encode(command)


def _ask(port: int, opcode: int, body: bytes) -> bytes | None:
    """The body of the answer; None when the server hangs up instead."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, opcode) + body)
        stream = connection.makefile("rb")
        try:
            head = stream.read(16)
        except ConnectionResetError:
            return None
        return stream.read(struct.unpack("<i", head[:4])[0] - 16) if head else None
