"""What bytes look like that are no JSON of ours: said in the dead letter, so that the producer is soon mended."""

from __future__ import annotations

from typing import Final

_PLAIN: Final = "send the JSON itself"
_BEGINNINGS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x1f\x8b", "gzip; leave compression to Kafka (compression.type)"),
    (b"\x28\xb5\x2f\xfd", "zstd; leave compression to Kafka (compression.type)"),
    (b"\x04\x22\x4d\x18", "lz4; leave compression to Kafka (compression.type)"),
    (b"\xef\xbb\xbf", "UTF-8 with a byte order mark; write it without one"),
    (b"\xff\xfe", "UTF-16; write UTF-8"),
    (b"\xfe\xff", "UTF-16; write UTF-8"),
    (b"{\0", "UTF-16; write UTF-8"),
    (b"\0{", "UTF-16; write UTF-8"),
    (b"\xc3\x01", f"Avro; {_PLAIN}"),
    (b"\xac\xed\0\x05", f"a serialized Java object; {_PLAIN}"),
    (b"\x80\x04", f"a Python pickle; {_PLAIN}"),
    (b"<", f"XML; {_PLAIN}"),
)
_REGISTRY_BYTES: Final = 5


def looks_like(value: bytes) -> str:
    """What a value that is no JSON seems to be, as a remark behind an error; empty where nothing is known.

    Example:
        >>> looks_like(b"<order/>")
        ' (it looks like XML; send the JSON itself)'
    """
    for beginning, what in _BEGINNINGS:
        if value.startswith(beginning):
            return f" (it looks like {what})"
    if value.startswith(b"\0") and len(value) > _REGISTRY_BYTES:
        schema = int.from_bytes(value[1:_REGISTRY_BYTES])
        return f" (it looks like a message of a schema registry, schema {schema}; use a serializer without a registry)"
    if value.endswith(b"\0"):
        return " (it ends with a NUL; do not send the end of a C string)"
    return ""
