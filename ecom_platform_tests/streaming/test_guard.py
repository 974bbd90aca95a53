"""The topic as it is, and as it changes under a stream; real Kafka and MongoDB, no Spark."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from ecom_platform.contract import encode
from ecom_platform.credentials import Role
from ecom_platform.errors import ConfigurationError, NeedsPerson, TopicReplaced
from ecom_platform.kafka.client import python_options
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.local.server import as_admin
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema, read_offsets
from ecom_platform.streaming.guard import TopicGuard
from ecom_platform.streaming.lag import read_lag
from ecom_platform.streaming.task import TaskPlan, run_task
from ecom_platform_tests.streaming.events import TABLES, placed
from ecom_platform_tests.streaming.streams import configure_topic, create_again, kafka_admin, produce, read_records

pytestmark = pytest.mark.usefixtures("topic")


@pytest.fixture
def admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Kafka's admin."""
    with kafka_admin(settings) as client:
        yield client


@pytest.fixture
def guard(settings: Settings, db: MongoDatabase) -> Iterator[TopicGuard]:
    """The guard of a stream that has taken the topic over."""
    ensure_schema(db)
    stream = TopicGuard(settings.model_copy(update={"role": Role.STREAM}), db, 1)
    stream.take_over()
    yield stream
    stream.close()


def test_what_was_read_of_a_topic_that_was_created_again_is_not_applied(
    settings: Settings, db: MongoDatabase, admin: KafkaAdminClient, guard: TopicGuard
) -> None:
    """
    The driver looked before the batch; between that and the chunk the topic changes: not one message is applied.
    """
    guard.before_batch()
    create_again(admin, settings.topic)
    produce(settings, [placed(number) for number in range(1, 21)])
    plan = TaskPlan(settings.model_copy(update={"role": Role.STREAM}), 1, TABLES, guard.topic_id)

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as worker:
        result = worker.submit(run_task, plan, 0, read_records(settings, 0, 0, 5)).result()

    assert (result.exit_code, result.events) == (NeedsPerson.exit_code, 0)
    assert "deleted and created again" in result.message
    assert db.orders.count_documents({}) == 0
    assert read_offsets(db, settings.topic)[0].next == 0
    for look in (guard.before_batch, guard.after_batch, guard.take_again):
        with pytest.raises(TopicReplaced):
            look()


def test_partitions_that_are_added_are_taken_in(
    settings: Settings, db: MongoDatabase, admin: KafkaAdminClient, guard: TopicGuard
) -> None:
    """
    Before the tasks of a batch look for their offsets; they begin where the partitions begin.
    """
    admin.create_partitions({settings.topic: 4})
    guard.before_batch()

    offsets = read_offsets(db, settings.topic)
    assert {number: (one.first, one.next, one.token) for number, one in offsets.items()} == dict.fromkeys(
        range(4), (0, 0, 1)
    )


def test_a_topic_that_is_compacted_is_read_no_further(settings: Settings, db: MongoDatabase, guard: TopicGuard) -> None:
    """
    Kafka would remove an order when its next step comes, and the holes would count as markers of transactions.
    """
    configure_topic(settings, {"cleanup.policy": "compact,delete"})

    with pytest.raises(ConfigurationError, match="compact,delete"):
        guard.before_batch()
    with pytest.raises(ConfigurationError, match="compact,delete"):
        TopicGuard(settings.model_copy(update={"role": Role.STREAM}), db, 2).take_over()
    assert read_offsets(db, settings.topic)[0].token == 1


def test_orders_behind_an_open_transaction_are_lag_with_a_time(
    settings: Settings, db: MongoDatabase, guard: TopicGuard
) -> None:
    """
    A producer hangs; what others write behind it waits, and whoever asks is told so until the transaction ends.
    """
    guard.after_batch()
    hanging = KafkaProducer(**python_options(as_admin(settings, "kafka")), acks="all", transactional_id=settings.topic)
    hanging.init_transactions()
    hanging.begin_transaction()
    hanging.send(settings.topic, encode(placed(1)), partition=0).get(30)
    others = KafkaProducer(**python_options(settings), acks="all")
    for number in range(2, 52):
        others.send(settings.topic, encode(placed(number)), partition=0)
    others.flush(30)
    others.close()

    lag = read_lag(settings, db)
    assert (lag.total, [one.events for one in lag.held]) == (51, [51])
    assert abs(lag.held[0].since - datetime.now(UTC)) < timedelta(minutes=5)
    orchestrator = read_lag(settings.model_copy(update={"role": Role.ORCHESTRATOR}), db)
    assert [(one.events, one.since) for one in orchestrator.held] == [(51, None)]

    hanging.commit_transaction()
    hanging.close()
    assert read_lag(settings, db).held == []


def test_a_topic_is_described_as_one_and_the_same(settings: Settings) -> None:
    """
    Id and partitions in one answer, and how it is cleaned up, to the role that must know.
    """
    with TopicReader(settings.model_copy(update={"role": Role.STREAM})) as reader:
        identity, state = reader.identity(), reader.state()

        assert identity.partitions == (0, 1)
        assert (state.topic_id, state.end, state.open) == (identity.topic_id, {0: 0, 1: 0}, {})
        assert reader.cleanup_policy() == "delete"
