"""The topic as the broker describes it: its id, where its partitions begin and end; and the group for lag tools.

Spark commits no offsets to Kafka whatever its group id, so the stream publishes the applied ones to a group that nobody
joins: ordinary lag tools then tell the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError, NoError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec
from kafka.structs import OffsetAndMetadata

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.kafka_client import kafka_failure, python_options
from ecom_platform.settings import Settings

__all__ = ["TopicReader", "TopicState"]


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic at one moment.

    Attributes:
        topic_id: changes when the topic is deleted and created again.
        begin: first offset that still exists, by partition.
        end: next offset to be written (of committed records), by partition.
    """

    topic: str
    topic_id: str
    begin: Mapping[int, int]
    end: Mapping[int, int]


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

    def state(self) -> TopicState:
        """Read id, begin and end of the topic.

        Raises:
            UnavailableError: the broker does not answer, or has no such topic (yet).
        """
        with self._errors("describing the topic"):
            described = self._admin.describe_topics([self._topic])
        if not described or described[0].get("error_code"):
            raise UnavailableError(f"Kafka at {self._servers} has no topic {self._topic}. Run `ecom up` to create it.")
        partitions = [partition["partition_index"] for partition in described[0]["partitions"]]
        return TopicState(
            topic=self._topic,
            topic_id=str(described[0]["topic_id"]),
            begin=self._offsets(partitions, OffsetSpec.EARLIEST),
            end=self._offsets(partitions, OffsetSpec.LATEST),
        )

    def ends(self, partitions: list[int]) -> dict[int, int]:
        """Read the next offset to be written of each partition. Raises UnavailableError."""
        return self._offsets(partitions, OffsetSpec.LATEST)

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
            found = self._admin.list_group_offsets(group)[group]
        return {place.partition: answer.offset for place, answer in found.items() if place.topic == self._topic}

    def close(self) -> None:
        """Close the connection."""
        self._admin.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def _offsets(self, partitions: list[int], spec: Any) -> dict[int, int]:
        wanted = {TopicPartition(self._topic, partition): spec for partition in partitions}
        with self._errors("reading offsets"):
            found = self._admin.list_partition_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED)
        return {place.partition: answer.offset for place, answer in found.items()}

    @contextmanager
    def _errors(self, step: str) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:
            raise kafka_failure(self._settings, f"does not answer while {step}", error) from error
