"""How much memory the stream may take, in bytes: what Kafka's client reads at once, and what is said when it was not
enough. Pure.

Orders may have four megabytes, and messages compress: a fetch of a few kilobytes can hold gigabytes. What bounds the
heap is therefore how many messages are unpacked at once; everything behind them is bounded by bytes.
"""

from __future__ import annotations

import re
from typing import Final

from ecom_platform.contract import MAX_BATCH_BYTES
from ecom_platform.errors import ConfigurationError, EcomError, OutOfMemory, UnavailableError

JVM_OPTIONS: Final = ("-XX:+ExitOnOutOfMemoryError",)
"""A JVM that ran out of memory ends at once: it would go on with threads missing."""
_DETOUR_FACTOR: Final = 4
_COMMITTED: Final = "Chunks that were committed stay; the next start goes on behind them."
_SIGNS: Final = ("OutOfMemory", "exit code 52", "exit code 137", "unable to allocate")
_OUT_OF_MEMORY: Final = frozenset({3, 52})  # by the option above, by Spark
_KILLED: Final = -9
_MOST_RECORDS: Final = 500  # the client's default
_SHARE: Final = 2  # of the heap; the rest is Spark's own, and the copies of the message at hand
_UNITS: Final = {"": 20, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE: Final = re.compile(r"(\d+)([kmgt]?)b?")


def heap_bytes(text: str) -> int:
    """The heap that ECOM_SPARK_DRIVER_MEMORY asks for, as Spark reads it. Raises ConfigurationError."""
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigurationError(
            f"ECOM_SPARK_DRIVER_MEMORY is {text!r}, which is no size. Write for instance 1g or 1500m."
        )
    return int(found[1]) << _UNITS[found[2]]


def poll_records(heap: int, partitions: int) -> int:
    """How many messages Kafka's client may unpack at once, so that the largest ones still fit into the heap.

    Args:
        heap: in bytes.
        partitions: that are read at the same time.
    """
    fitting = heap // (_SHARE * max(partitions, 1) * MAX_BATCH_BYTES)
    return min(max(fitting, 1), _MOST_RECORDS)


def detour_memory(text: str) -> str:
    """The heap of the one micro-batch that did not fit into the usual one. Raises ConfigurationError."""
    return f"{_DETOUR_FACTOR * heap_bytes(text) >> 20}m"


def gone(exit_code: int, memory: str) -> EcomError:
    """What is said when Spark's JVM ended by itself.

    Args:
        exit_code: of the JVM; negative: the signal that killed it.
        memory: its heap, as ECOM_SPARK_DRIVER_MEMORY says it.
    """
    if exit_code in _OUT_OF_MEMORY:
        return out_of_memory(memory)
    if exit_code == _KILLED:
        return UnavailableError(
            f"Spark's JVM was killed, as the kernel does when the machine runs out of memory. {_COMMITTED} End other "
            f"programs, or give it a smaller heap than {memory} (ECOM_SPARK_DRIVER_MEMORY)."
        )
    return UnavailableError(f"Spark's JVM ended with exit code {exit_code}. {_COMMITTED} The stream's log says why.")


def out_of_memory(memory: str) -> OutOfMemory:
    """Which setting is too small."""
    return OutOfMemory(
        f"Spark's JVM ran out of memory: {memory} of heap do not hold the messages at hand. {_COMMITTED} Give it more "
        "by ECOM_SPARK_DRIVER_MEMORY (a message takes up to six times its size), then start the stream again."
    )


def tells_of_memory(text: str) -> bool:
    """Whether the reason of a failed query is a lack of memory: of an executor, or outside of the heap."""
    return any(sign in text for sign in _SIGNS)
