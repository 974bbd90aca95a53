"""The one module that talks to Kafka: sends messages under the ledger, and watches how far the stream is behind."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from ecom_platform.contract import MAX_BATCH_BYTES
from ecom_platform.errors import EcomError, UnavailableError
from ecom_platform.kafka.client import python_options
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.settings import Settings
from ecom_platform.simulator.emission import Emission
from ecom_platform.simulator.ledger import Ledger

_log = logging.getLogger(__name__)
# All that goes wrong comes back as an exception or stands in the ledger; the client's own lines would repeat it ten
# times a second on the terminal of the caller.
logging.getLogger("kafka").setLevel(logging.CRITICAL)

_CONNECT_SECONDS = 8
_BATCH_BYTES = 256 * 1024
_LINGER_MS = 5


class LedgerProducer:
    """An idempotent producer (acks=all) that writes each attempt and each outcome into the ledger.

    Raises:
        UnavailableError: Kafka cannot be reached, or gave a message up; what it was is in the ledger.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._topic = settings.topic
        self._ledger = ledger
        self._servers = settings.kafka_bootstrap_servers
        self._waiting: deque[tuple[int, Any]] = deque()
        self.sent = 0
        self.acked = 0
        self.failed = 0
        self.ends: dict[int, int] = {}
        """By partition, the offset behind the last message that Kafka has."""
        if not self._servers:
            raise UnavailableError(
                "No Kafka to send to: ECOM_KAFKA_BOOTSTRAP_SERVERS is not set and no local Kafka is recorded; nothing "
                "was sent. Run `ecom up` first."
            )
        try:
            self._producer = KafkaProducer(
                **python_options(settings),
                client_id="ecom-simulator",
                acks="all",
                enable_idempotence=True,
                batch_size=_BATCH_BYTES,
                max_request_size=MAX_BATCH_BYTES,
                linger_ms=_LINGER_MS,
                bootstrap_timeout_ms=_CONNECT_SECONDS * 1000,
                max_block_ms=_CONNECT_SECONDS * 1000,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        except KafkaError as error:
            raise self._unavailable(error) from error
        self._require_topic()

    @property
    def in_flight(self) -> int:
        """Messages Kafka has not answered for."""
        return len(self._waiting)

    @property
    def ledger(self) -> Ledger:
        """The ledger it writes."""
        return self._ledger

    def send(self, batch: Sequence[Emission], *, resent: bool = False) -> None:
        """Write the attempts, then hand the batch to Kafka."""
        numbers = self._ledger.attempt(batch, resent=resent)
        send, topic, waiting = self._producer.send, self._topic, self._waiting
        try:
            for number, message in zip(numbers, batch, strict=True):
                waiting.append((number, send(topic, message.value, message.key)))
        except KafkaError as error:
            raise self._unavailable(error) from error
        self.sent += len(batch)

    def settle(self) -> None:
        """Write the outcomes Kafka has answered so far; raises UnavailableError when it gave a message up."""
        waiting, acked, failures = self._waiting, [], []
        while waiting and waiting[0][1].is_done:
            number, future = waiting.popleft()
            if future.exception is None:
                acked.append((number, future.value.partition, future.value.offset))
            else:
                failures.append((number, repr(future.exception)))
        self._ledger.acked(acked)
        self._ledger.failed(failures)
        self.ends.update({partition: offset + 1 for _, partition, offset in acked})
        self.acked += len(acked)
        self.failed += len(failures)
        if failures:
            raise self._unavailable(failures[0][1])

    def drain(self, seconds: float) -> bool:
        """Wait until Kafka has answered for everything; False when it did not within `seconds`."""
        end = time.monotonic() + seconds
        self.settle()
        while self._waiting and time.monotonic() < end:
            time.sleep(0.002)
            self.settle()
        return not self._waiting

    def _require_topic(self) -> None:
        try:
            self._producer.partitions_for(self._topic)
        except KafkaError as error:
            self._producer.close(timeout=0.5, null_logger=True)
            raise UnavailableError(
                f"Kafka at {self._servers} answers, but has no topic {self._topic!r} ({error}); nothing was sent. "
                "Run `ecom up`, which creates it."
            ) from error

    def _unavailable(self, reason: object) -> UnavailableError:
        return UnavailableError(
            f"Kafka at {self._servers} does not take messages of topic {self._topic!r} ({reason}). {self.sent} were "
            "sent before, the ledger says which. Look at `ecom status`; the next run sends what is missing."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close(timeout=0.5, null_logger=True)


class LagWatch:
    """Knows how many messages of the topic the stream has not applied, by the offsets it publishes.

    A thread reads them, so that a slow answer never holds live orders back. Until the published offsets move the
    stream does not run yet, and nothing is known: history written then would be queued before the first live orders.
    """

    def __init__(self, settings: Settings, producer: LedgerProducer, interval_seconds: float = 0.5) -> None:
        self._settings = settings
        self._producer = producer
        self._interval = interval_seconds
        self._reading: tuple[int, int] | None = None
        self.published: Mapping[int, int] = {}
        """By partition, the offset behind the last message that the stream has applied, as it published it."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag-watch", daemon=True)

    def behind(self) -> int | None:
        """Return the most messages that can be unapplied now, None while Kafka is silent or the stream stands still."""
        if self._reading is None:
            return None
        lag, acked_then = self._reading
        return lag + self._producer.sent - acked_then

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        reader: TopicReader | None = None
        trouble = ""
        stood: int | None = None
        while not self._stop.is_set():
            try:
                reader = reader or TopicReader(self._settings, timeout_seconds=_CONNECT_SECONDS)
                acked = self._producer.acked
                (lag, self.published), trouble = self._read(reader), ""
                position = sum(self.published.values())
                stood = position if stood is None else stood
                self._reading = (lag, acked) if position != stood or self._reading else None
            except EcomError as error:
                # No answer means no permission to write history; the next reading may come through.
                self._reading = None
                if trouble != str(error):
                    trouble = str(error)
                    _log.warning("the lag of the stream is unknown, and what waits for it stands still: %s", error)
            self._stop.wait(self._interval)
        if reader is not None:
            reader.close()

    def _read(self, reader: TopicReader) -> tuple[int, dict[int, int]]:
        """Return the lag, and the published offsets by partition."""
        topic, known = reader.state(), reader.published(self._settings.consumer_group)
        published = {partition: known.get(partition, 0) for partition in topic.end}
        lag = sum(max(0, end - max(topic.begin[one], published[one])) for one, end in topic.end.items())
        return lag, published
