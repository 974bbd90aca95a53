"""The topic as the broker describes it: its id, where its partitions begin and end; and the group for lag tools.

Spark commits no offsets to Kafka under any group id, so the stream publishes the applied ones to a group that no client
joins: ordinary lag tools then tell the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import AuthorizationError, CoordinatorNotAvailableError, KafkaError, NoError, UnsupportedVersionError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec
from kafka.structs import OffsetAndMetadata

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.kafka.client import kafka_failure, python_options
from ecom_platform.settings import Settings

_YEAR_10000_MILLISECONDS = 253_402_300_800_000


@dataclass(frozen=True, slots=True)
class TopicIdentity:
    """What a topic is: `topic_id` changes when it is deleted and created again, and never comes back."""

    topic_id: str
    partitions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that has not ended yet: what it has written, and what others wrote behind that, cannot be read.

    Attributes:
        first: offset of its first record, where the readable part ends (Kafka's last stable offset).
        since: when its producer last wrote, by the time of that message; None: the broker does not say so.
    """

    first: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic at one moment.

    Attributes:
        topic_id: changes when the topic is deleted and created again.
        begin: first offset that still exists, by partition.
        end: next offset to be written (Kafka's high watermark), by partition.
        open: the earliest open transaction of each partition that has one.
    """

    topic: str
    topic_id: str
    begin: Mapping[int, int]
    end: Mapping[int, int]
    open: Mapping[int, OpenTransaction] = field(default_factory=dict)

    def readable(self, partition: int) -> int:
        """The offset up to which the partition can be read now."""
        return self.open[partition].first if partition in self.open else self.end[partition]

    def held(self, partition: int, position: int) -> int:
        """Events behind an open transaction, for a reader that stands at `position`."""
        return max(self.end[partition] - max(self.readable(partition), position), 0)


class TopicReader:
    """Looks at one topic through the admin API; a context manager.

    Raises:
        UnavailableError: no broker answers within `timeout_seconds`.
    """

    def __init__(self, settings: Settings, *, timeout_seconds: float = 10.0) -> None:
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self._topic = settings.topic
        milliseconds = int(timeout_seconds * 1000)
        if not self._servers:
            raise ConfigurationError(
                "No Kafka is known: ECOM_KAFKA_BOOTSTRAP_SERVERS is empty and no local server is running. "
                "Run `ecom up`."
            )
        with self._errors("connecting"):
            self._admin = KafkaAdminClient(
                **python_options(settings),
                client_id="ecom-platform",
                request_timeout_ms=milliseconds,
                bootstrap_timeout_ms=milliseconds,
            )

    def identity(self) -> TopicIdentity:
        """Read what the topic is now, the cheap question: one request.

        Raises:
            UnavailableError: the broker does not answer, or has no such topic (yet).
        """
        with self._errors("describing the topic"):
            described = self._admin.describe_topics([self._topic])
        if not described or described[0].get("error_code"):
            raise UnavailableError(f"Kafka at {self._servers} has no topic {self._topic}. Run `ecom up` to create it.")
        partitions = sorted(partition["partition_index"] for partition in described[0]["partitions"])
        return TopicIdentity(str(described[0]["topic_id"]), tuple(partitions))

    def state(self) -> TopicState:
        """Read id, begin and end of the topic, all of the same one.

        Raises:
            UnavailableError: the broker does not answer, or has no such topic (yet).
        """
        identity = self.identity()
        partitions = list(identity.partitions)
        begin = self._offsets(partitions, OffsetSpec.EARLIEST, IsolationLevel.READ_COMMITTED)
        end, open_ = self.watermarks(partitions)
        if self.identity().topic_id != identity.topic_id:
            raise UnavailableError(f"The topic {self._topic} was created again while it was looked at. Try again.")
        return TopicState(self._topic, identity.topic_id, begin, end, open_)

    def watermarks(self, partitions: list[int]) -> tuple[dict[int, int], dict[int, OpenTransaction]]:
        """Read the end of each partition, and the transactions that are open before it. Raises UnavailableError."""
        # The end first: what others write meanwhile is not taken for something that a transaction holds back.
        end = self._offsets(partitions, OffsetSpec.LATEST, IsolationLevel.READ_UNCOMMITTED)
        held = {partition: first for partition, first in self.ends(partitions).items() if first < end[partition]}
        since = self._last_written(list(held)) if held else {}
        return end, {partition: OpenTransaction(first, since.get(partition)) for partition, first in held.items()}

    def ends(self, partitions: list[int]) -> dict[int, int]:
        """Read up to where each partition can be read. Raises UnavailableError."""
        return self._offsets(partitions, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)

    def cleanup_policy(self) -> str | None:
        """Read how the broker cleans the topic up; None: this role may not ask. Raises UnavailableError."""
        name = "cleanup.policy"
        wanted = ConfigResource(ConfigResourceType.TOPIC, self._topic, [name])
        with self._errors("reading the topic's configuration"):
            found = self._admin.describe_configs([wanted], config_filter="all")
        configured = found["topic"][self._topic].get(name)
        return str(configured["value"]) if configured else None

    def publish(self, group: str, offsets: Mapping[int, int]) -> None:
        """Publish applied offsets as those of a consumer group without members. Raises UnavailableError."""
        committed = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
        }
        with self._errors("publishing offsets"):
            outcomes = self._admin.alter_group_offsets(group, committed)
            for refused in (error for error in outcomes.values() if error is not NoError):
                raise refused(f"offsets of group {group}")

    def published(self, group: str) -> dict[int, int]:
        """Read the offsets published for a group, by partition. Raises UnavailableError."""
        with self._errors("reading published offsets"):
            try:
                found = self._admin.list_group_offsets(group).get(group, {})
            except CoordinatorNotAvailableError:
                return {}  # no group has ever committed in this cluster
        return {place.partition: answer.offset for place, answer in found.items() if place.topic == self._topic}

    def close(self) -> None:
        """Close the connection."""
        self._admin.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def _offsets(self, partitions: list[int], spec: Any, isolation: IsolationLevel) -> dict[int, int]:
        wanted = {TopicPartition(self._topic, partition): spec for partition in partitions}
        with self._errors("reading offsets"):
            found = self._admin.list_partition_offsets(wanted, isolation_level=isolation)
        return {place.partition: answer.offset for place, answer in found.items()}

    def _last_written(self, partitions: list[int]) -> dict[int, datetime]:
        """When the producer of the earliest open transaction of each partition last wrote, as far as that is told."""
        with self._errors("looking for open transactions"):
            try:
                found = self._admin.describe_producers([TopicPartition(self._topic, one) for one in partitions])
            except (AuthorizationError, UnsupportedVersionError):
                return {}  # a role that may not read, a broker before 2.8: the time is not known
        earliest = {}
        for place, state in found.items():
            started = [one for one in state.active_producers if one.current_transaction_start_offset >= 0]
            if started:
                first = min(started, key=lambda one: one.current_transaction_start_offset)
                earliest[place.partition] = first.last_timestamp
        return {partition: at for partition, written in earliest.items() if (at := _instant(written)) is not None}

    @contextmanager
    def _errors(self, step: str) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:
            raise kafka_failure(self._settings, f"does not answer while {step}", error) from error


def _instant(milliseconds: int) -> datetime | None:
    """A message's time as an instant; None for a number that is none."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if 0 < milliseconds < _YEAR_10000_MILLISECONDS else None
