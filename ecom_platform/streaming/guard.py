"""The driver's watch over the topic: each micro-batch is of the topic whose offsets are stored, new partitions join.

The id of a topic never comes back. So when it is still the stored one *after* something was read or planned, that was
of this topic; asked before, it would say nothing about what is read next. Tasks ask after each chunk they have read
(`task.py`), the driver after each micro-batch, whose end offsets then may be trusted as well.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.kafka.topic import TopicReader, TopicState
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, mongo_errors
from ecom_platform.streaming.fence import end_sessions, refuse_another_topic, take_partitions
from ecom_platform.streaming.skips import Skip

log = logging.getLogger(__name__)

# Spark's consumers wait about so long for a broker that is being restarted; its driver is no less patient.
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5

Answer = TypeVar("Answer")


class TopicGuard:
    """Takes the topic over, and looks at it around every micro-batch.

    Args:
        db: where the offsets are.
        token: fence token of this stream.
        stopping: whether the stream was told to stop; then nothing is waited for.
    """

    def __init__(
        self, settings: Settings, db: MongoDatabase, token: int, *, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._settings = settings
        self._db = db
        self._token = token
        self._stopping = stopping
        self._reader: TopicReader | None = None
        self._taken: frozenset[int] = frozenset()
        self._state: TopicState | None = None
        self.topic_id = ""

    def take_over(
        self, *, accept_loss: bool = False, accept_dead: bool = False, skips: Sequence[Skip] = ()
    ) -> Mapping[int, int]:
        """Take every partition; the offsets to start from. Raises as `take_partitions` and `before_batch`."""

        def take(reader: TopicReader) -> Mapping[int, int]:
            refuse_compaction(self._settings.topic, reader.cleanup_policy())
            state = reader.state()
            end_sessions(self._db, state)
            start = take_partitions(
                self._db,
                state,
                self._token,
                reader.ends,
                accept_loss=accept_loss,
                accept_dead=accept_dead,
                skips=skips,
            )
            return self._took(state, start)

        with mongo_errors("taking the topic over", self._settings.mongodb_uri):
            return self._ask(take, patience_seconds=0.0)

    def take_again(self) -> Mapping[int, int]:
        """After a query failed: look at every partition once more, and where it stands. Raises as `take_over`.

        The sessions of the tasks, which are our own, live on.
        """

        def take(reader: TopicReader) -> Mapping[int, int]:
            state = reader.state()
            return self._took(state, take_partitions(self._db, state, self._token, reader.ends))

        with mongo_errors("looking where the partitions stand", self._settings.mongodb_uri):
            return self._ask(take, patience_seconds=0.0)

    def before_batch(self) -> None:
        """Take in partitions that were added, so that their tasks find their offsets.

        Raises:
            TopicReplaced: the topic was deleted and created again.
            ConfigurationError: the topic is compacted.
            UnavailableError: Kafka does not answer.
        """

        def look(reader: TopicReader) -> None:
            identity = reader.identity()
            refuse_another_topic(self._settings.topic, self.topic_id, identity.topic_id)
            refuse_compaction(self._settings.topic, reader.cleanup_policy())
            if not self._taken.issuperset(identity.partitions):
                self._take_in(reader)

        self._ask(look)

    def after_batch(self) -> None:
        """Make sure that what was planned and read was of this topic. Raises TopicReplaced, UnavailableError."""

        def look(reader: TopicReader) -> None:
            refuse_another_topic(self._settings.topic, self.topic_id, reader.identity().topic_id)

        self._ask(look)

    def readable(self, partition: int) -> int:
        """Up to where a partition could be read when all of them were looked at last."""
        return self._state.readable(partition) if self._state is not None else 0

    def close(self) -> None:
        """Close the connection to Kafka."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _take_in(self, reader: TopicReader) -> None:
        state = reader.state()
        refuse_another_topic(self._settings.topic, self.topic_id, state.topic_id)
        added = {partition: begin for partition, begin in state.begin.items() if partition not in self._taken}
        with mongo_errors("taking partitions in", self._settings.mongodb_uri):
            start = take_partitions(
                self._db, TopicState(state.topic, state.topic_id, added, state.end), self._token, reader.ends
            )
        log.info("stream_took_in partitions=%s", start)
        self._taken |= added.keys()

    def _took(self, state: TopicState, start: Mapping[int, int]) -> Mapping[int, int]:
        self._state, self.topic_id, self._taken = state, state.topic_id, frozenset(start)
        return start

    def _ask(self, question: Callable[[TopicReader], Answer], *, patience_seconds: float = PATIENCE_SECONDS) -> Answer:
        """Put a question to the broker, again while it does not answer."""
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                if self._reader is None:
                    self._reader = TopicReader(self._settings)
                return question(self._reader)
            except UnavailableError:
                self.close()
                if self._stopping() or time.monotonic() >= deadline:
                    raise
                time.sleep(PAUSE_SECONDS)


def refuse_compaction(topic: str, cleanup_policy: str | None) -> None:
    """Raise ConfigurationError when Kafka would remove events because later ones have the same key."""
    if cleanup_policy is not None and "compact" in cleanup_policy:
        raise ConfigurationError(
            f"Topic {topic} has cleanup.policy={cleanup_policy}: Kafka removes an order's event when a later one of "
            "the same order comes, and the offsets it leaves out look like those of transactions. Nothing more was "
            "applied. Set it to delete; what was removed by then must be sent again by its producer."
        )
