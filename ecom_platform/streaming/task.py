"""What one Spark task does with its Kafka partition: resume where the store stands, cut chunks, commit them.

Runs in a Python worker of Spark, without importing Spark. Workers are reused, so the client, the session and the
dimension tables are kept between micro-batches.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from ecom_platform.errors import EcomError, Fenced, NeedsPerson
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.settings import Settings
from ecom_platform.store import DimensionTables, MongoDatabase, database, mongo_errors
from ecom_platform.streaming.fence import record_session, refuse_another_topic
from ecom_platform.streaming.records import Record, chunks, drop_before
from ecom_platform.streaming.sink import ArchivedCache, Sink

# A server that is killed and restarted answers again within this time; the task waits rather than fails.
SERVER_SELECTION_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """What the driver tells every task; travels in the closure. `topic_id` is of the topic that was taken over."""

    settings: Settings
    token: int
    tables: DimensionTables
    topic_id: str


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What the task tells the driver.

    Attributes:
        exit_code: 0, or that of the error that must stop the stream without a retry.
        message: the text of that error.
    """

    partition: int
    next: int
    events: int
    exit_code: int = 0
    message: str = ""

    def error(self) -> Fenced | NeedsPerson | None:
        """The error that must stop the stream, if there is one."""
        if not self.exit_code:
            return None
        return Fenced(self.message) if self.exit_code == Fenced.exit_code else NeedsPerson(self.message)


@dataclass(slots=True)
class _Connection:
    """A worker's clients, its session per partition, and what it knows of the archive."""

    db: MongoDatabase
    topic: TopicReader
    archived: ArchivedCache = field(default_factory=ArchivedCache)
    sessions: dict[int, ClientSession] = field(default_factory=dict)

    def session(self, topic: str, partition: int) -> ClientSession:
        session = self.sessions.get(partition)
        if session is None:
            session = self.sessions[partition] = self.db.client.start_session()
            record_session(self.db, topic, partition, session)
        return session


@lru_cache(maxsize=1)
def _connect(settings: Settings) -> _Connection:
    # A chunk makes and drops some hundred thousand objects without a cycle among them; with the default threshold of
    # 700 the collector walks them again and again: a sixth of a worker's time.
    gc.freeze()
    gc.set_threshold(200_000)
    return _Connection(database(settings, timeout_seconds=SERVER_SELECTION_SECONDS), TopicReader(settings))


def run_task(plan: TaskPlan, partition: int, records: Iterable[Record]) -> TaskResult:
    """Apply the records of one partition, in order.

    Errors that a retry cannot mend come back as a result, because Spark would retry an exception; anything else is
    raised and Spark runs the task again, which goes on behind the last committed chunk.
    """
    settings = plan.settings
    position, events = -1, 0
    try:
        with mongo_errors(f"applying partition {partition}", settings.mongodb_uri):
            connection = _connect(settings)
            sink = Sink(
                db=connection.db,
                session=connection.session(settings.topic, partition),
                topic=settings.topic,
                partition=partition,
                token=plan.token,
                tables=plan.tables,
                history_start=settings.history_start_time,
                archived=connection.archived,
            )
            position = sink.position()
            for chunk in chunks(drop_before(records, position), settings.chunk_events, settings.chunk_bytes):
                # Now that it was read: the id of a topic never comes back, so what was read before is of this one.
                refuse_another_topic(settings.topic, plan.topic_id, connection.topic.identity().topic_id)
                events += len(chunk)
                position = sink.commit(position, chunk)
    except (Fenced, NeedsPerson) as error:
        return TaskResult(partition, position, events, type(error).exit_code, str(error))
    except (EcomError, PyMongoError):
        # The next attempt starts with a fresh client: this one may hold a session the server has forgotten.
        _connect.cache_clear()
        raise
    return TaskResult(partition, position, events)
