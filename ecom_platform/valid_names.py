"""Names and addresses in the form that the servers take: checked where they are read, not where they are refused."""

from __future__ import annotations

import re

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_DATABASE = re.compile(r'[^\s\0/\\."$*<>:|?]+')
_DATABASE_BYTES = 63
_OWN_DATABASES = frozenset({"admin", "config", "local"})
_MASTER = re.compile(r"local(-cluster)?(\[[^]]+\])?|yarn|(spark|k8s)://.+")
_LABEL_LENGTH = 12


def topic_name(name: str) -> str:
    """The name of a topic as Kafka allows it. Raises ValueError."""
    if not _TOPIC.fullmatch(name) or name in (".", ".."):
        raise ValueError("a topic has 1 to 249 letters of a to z, digits, dots, - and _")
    return name


def database_name(name: str) -> str:
    """The name of a database as MongoDB allows it, and none of its own. Raises ValueError."""
    if not _DATABASE.fullmatch(name) or len(name.encode()) > _DATABASE_BYTES:
        raise ValueError(f'a database has 1 to {_DATABASE_BYTES} bytes, without blanks and / \\ . " $ * < > : | ?')
    if name in _OWN_DATABASES:
        raise ValueError("this database is MongoDB's own; take another name")
    return name


def spark_master(address: str) -> str:
    """The address of a master as Spark reads it. Raises ValueError."""
    if not _MASTER.fullmatch(address):
        raise ValueError("a master is local[*,4], yarn, spark://host:port or k8s://https://host:port")
    return address


def label(text: str) -> str:
    """Text that fits beside an amount. Raises ValueError."""
    if not text.strip() or not text.isprintable() or len(text) > _LABEL_LENGTH:
        raise ValueError(f"a label has 1 to {_LABEL_LENGTH} characters that can be printed")
    return text


def given(text: str) -> str:
    """Text that must not be left out. Raises ValueError."""
    if not text.strip():
        raise ValueError("it is empty; unset it to get the default")
    return text
