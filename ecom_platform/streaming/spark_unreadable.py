"""Records that Spark's Kafka source cannot read, read one by one with the consumer that Spark itself uses.

Spark makes a timestamp of every record before anybody asks for it, and fails at one beyond the year 294,246, as a
producer writes that takes nanoseconds for milliseconds. Kafka's own consumer hands such a record out. It also tells
where the bytes in Kafka are damaged: then a person decides (`--skip`), because what they were is unknown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from ecom_platform.errors import UnavailableError, Unreadable
from ecom_platform.kafka.client import java_options
from ecom_platform.settings import Settings
from ecom_platform.streaming.failure import reason_of, unreadable_partition
from ecom_platform.streaming.records import Record
from ecom_platform.streaming.skips import Skip
from ecom_platform.streaming.task import TaskPlan, run_task

log = logging.getLogger(__name__)

POLL_MILLISECONDS = 500
# A broker that sends nothing for so long will not within this attempt.
SILENCE_SECONDS = 30.0
# For the end of damaged bytes, which is found offset by offset.
SEARCH_SECONDS = 60.0


def apply_one_by_one(session: SparkSession, plan: TaskPlan, partition: int, start: int, end: int) -> int:
    """Apply the records from `start` to `end`, or as far as they can be read; the offset behind the last of them.

    Raises:
        Unreadable: what comes next is damaged; everything before it was applied.
        UnavailableError: Kafka or MongoDB does not answer; what was applied stays.
        Fenced, NeedsPerson: as a task.
    """
    with closing(_Reader(session, plan.settings, partition)) as reader:
        result = run_task(plan, partition, reader.records(start, end))
        if (error := result.error()) is not None:
            raise error
        log.warning("read_one_by_one partition=%d from=%d events=%d", partition, start, result.events)
        if reader.damage:
            raise reader.unreadable(end)
    return result.next


class _Reader:
    """A consumer of one partition in the session's JVM; `close` ends it.

    Attributes:
        position: the next offset to read.
        damage: what is wrong with the bytes there, in Kafka's words; empty while there is nothing.
    """

    def __init__(self, session: SparkSession, settings: Settings, partition: int) -> None:
        jvm: Any = session._jvm  # noqa: SLF001 - the only way to the classes on Spark's path
        self._jvm = jvm
        self._topic = settings.topic
        self._number = partition
        self._partition = self._jvm.org.apache.kafka.common.TopicPartition(settings.topic, partition)
        self._consumer = self._jvm.org.apache.kafka.clients.consumer.KafkaConsumer(self._options(settings))
        assigned = self._jvm.java.util.ArrayList()
        assigned.add(self._partition)
        self._consumer.assign(assigned)
        self.position = 0
        self.damage = ""

    def records(self, start: int, end: int) -> Iterator[Record]:
        """The records between two offsets, up to the first that is damaged. Raises UnavailableError."""
        self._seek(start)
        while self.position < end and not self.damage:
            for record in self._poll(end):
                if record.offset >= end:
                    return
                yield record

    def unreadable(self, end: int) -> Unreadable:
        """The error of the damage at `position`, with the command that goes on behind it."""
        first, damage = self.position, self.damage
        skip = Skip(self._topic, self._number, first, self._next_readable(end) - 1)
        return Unreadable(
            f"Kafka holds damaged bytes in {self._topic}-{self._number}, offsets {first} to {skip.last} ({damage}). "
            "Everything before them is applied, nothing was skipped. Restore the broker's data, or go on without them, "
            f"counted as lost: `ecom stream --skip {skip}`."
        )

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _options(self, settings: Settings) -> Any:
        bytes_ = "org.apache.kafka.common.serialization.ByteArrayDeserializer"
        options = self._jvm.java.util.HashMap()
        for name, value in {
            **java_options(settings),
            "isolation.level": "read_committed",
            "enable.auto.commit": "false",
            "auto.offset.reset": "none",
            "key.deserializer": bytes_,
            "value.deserializer": bytes_,
        }.items():
            options.put(name, value)
        return options

    def _next_readable(self, end: int) -> int:
        """The first offset behind `position` that can be read, as far as that is found in time; `end`: none is left."""
        deadline = time.monotonic() + SEARCH_SECONDS
        for offset in range(self.position + 1, end):
            self._seek(offset)
            self._poll(end)
            if not self.damage or time.monotonic() > deadline:
                return offset
        return end

    def _seek(self, offset: int) -> None:
        self._consumer.seek(self._partition, offset)
        self.position, self.damage = offset, ""

    def _poll(self, end: int) -> list[Record]:
        """The next records; empty where damage begins, or when there are only offsets without records before `end`."""
        deadline = time.monotonic() + SILENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                polled = self._consumer.poll(self._jvm.java.time.Duration.ofMillis(POLL_MILLISECONDS))
            except Py4JJavaError as error:
                self.damage = self._damage_of(error)
                return []
            found = polled.records(self._partition)
            self.position = self._consumer.position(self._partition)
            if found or self.position >= end:
                return [Record(one.offset(), one.timestamp(), one.key(), one.value()) for one in found]
        raise UnavailableError(
            f"Kafka sent nothing of {self._topic}-{self._number} behind offset {self.position} for "
            f"{SILENCE_SECONDS:.0f} s. What was applied stays; try again."
        )

    def _damage_of(self, error: Py4JJavaError) -> str:
        text = str(error)
        if unreadable_partition(text, self._topic) is None:
            raise UnavailableError(
                f"Kafka did not hand out {self._topic}-{self._number} behind offset {self.position}: "
                f"{reason_of(text)}. What was applied stays; try again."
            ) from error
        return reason_of(text)
