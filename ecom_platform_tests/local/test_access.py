"""No client comes in without a password, and each role may do what its part of the platform needs, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from urllib.parse import urlsplit

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from ecom_platform.credentials import ROLES_OF, Role
from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.kafka.client import python_options
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, connect, database, ensure_schema
from ecom_platform.store import collections as names
from ecom_platform_tests.local.raw_mongodb import answers_zlib, compressors_offered
from ecom_platform_tests.transactions import RegrettedError, transaction

UNAUTHORIZED, WRONG_LOGIN = 13, 18
SHORT = {"bootstrap_timeout_ms": 4000, "request_timeout_ms": 4000}
Call = Callable[[MongoDatabase], object]


def as_role(settings: Settings, role: Role) -> Settings:
    """The test's settings for a program of another role."""
    return settings.model_copy(update={"role": role})


def find(name: str) -> Call:
    """Read a document."""
    return lambda db: db[name].find_one()


def insert(name: str) -> Call:
    """Write a document."""
    return lambda db: db[name].insert_one({"_id": f"of {name}"})


def update(name: str) -> Call:
    """Change a document."""
    return lambda db: db[name].update_one({"_id": 1}, {"$set": {"seen": 1}})


def delete(name: str) -> Call:
    """Delete a document."""
    return lambda db: db[name].delete_one({"_id": 1})


def drop(name: str) -> Call:
    """Delete a whole collection."""
    return lambda db: db.drop_collection(name)


def size(name: str) -> Call:
    """Ask how many bytes there are."""
    return lambda db: list(db[name].aggregate([{"$collStats": {"storageStats": {}}}]))


def make_user(db: MongoDatabase) -> object:
    """Make a user with every right."""
    return db.client.admin.command("createUser", "mine", pwd="mine", roles=["root"])


MAY: dict[Role, list[Call]] = {
    Role.OPERATOR: [find(names.ORDERS), delete(names.DEAD_LETTERS), lambda db: db.list_collection_names()],
    Role.SIMULATOR: [insert(names.LOADING), update(names.LOADING)],
    Role.STREAM: [insert(names.ORDERS), insert(names.KPI_CUBE), update(names.STREAM_OFFSETS), find(names.PRODUCTS)],
    Role.ARCHIVER: [find(names.ORDERS), delete(names.ORDERS), size(names.ORDERS), insert(names.ARCHIVE_MANIFESTS)],
    Role.KPI: [find(names.ORDERS), insert(names.KPI_DAILY), delete(names.DIRTY_DAYS), find(names.KPI_CUBE)],
    Role.ORCHESTRATOR: [find(names.ORDERS), size(names.ORDERS), insert(names.ALERTS), update(names.PRODUCTS)],
    Role.DASHBOARD: [
        *(find(name) for name in (names.ORDERS, names.ALERTS, names.PIPELINE_STATUS, *names.ROLLUPS)),
        insert(names.ALERT_ACKNOWLEDGEMENTS),
        find(names.ALERT_ACKNOWLEDGEMENTS),
    ],
    Role.ANALYST: [find(names.ORDERS), find(names.ORDER_ITEMS), find(names.DELIVERIES), find(names.KPI_DAILY)],
}
MAY_NOT: dict[Role, list[Call]] = {
    Role.OPERATOR: [make_user, drop(names.ORDERS)],
    Role.SIMULATOR: [
        *(insert(name) for name in names.COLLECTIONS if name != names.LOADING),
        *(find(name) for name in (names.ORDERS, names.USERS, names.LOADING)),
        delete(names.LOADING),
    ],
    Role.STREAM: [delete(names.ORDERS), insert(names.PRODUCTS), insert(names.ARCHIVE_MANIFESTS), drop(names.ORDERS)],
    Role.ARCHIVER: [insert(names.PRODUCTS), update(names.ALERTS), insert(names.KPI_DAILY), drop(names.ORDERS)],
    Role.KPI: [update(names.ORDERS), delete(names.ORDERS), insert(names.KPI_CUBE), insert(names.ARCHIVE_MANIFESTS)],
    Role.ORCHESTRATOR: [insert(names.ORDERS), delete(names.ORDERS), insert(names.KPI_CUBE), make_user],
    Role.DASHBOARD: [
        *(insert(name) for name in names.COLLECTIONS if name != names.ALERT_ACKNOWLEDGEMENTS),
        *(update(name) for name in names.COLLECTIONS),
        *(delete(name) for name in names.COLLECTIONS),
        *(find(name) for name in (names.USERS, names.LEASES, names.INTENT, names.STREAM_SESSIONS)),
        drop(names.ORDERS),
    ],
    Role.ANALYST: [insert(names.ORDERS), update(names.KPI_CUBE), find(names.DEAD_LETTERS), find(names.LEASES)],
}


@pytest.mark.parametrize("role", MAY)
def test_a_role_may_do_what_its_part_needs_in_mongodb(db: MongoDatabase, settings: Settings, role: Role) -> None:
    """Every call goes through."""
    ensure_schema(db)
    own = database(as_role(settings, role))
    with own.client:
        for call in MAY[role]:
            call(own)


@pytest.mark.parametrize("role", MAY_NOT)
def test_a_role_may_do_nothing_else_in_mongodb(db: MongoDatabase, settings: Settings, role: Role) -> None:
    """The server refuses each call: it is not that nothing was there to be changed."""
    ensure_schema(db)
    own = database(as_role(settings, role))
    with own.client:
        for call in MAY_NOT[role]:
            with pytest.raises(OperationFailure) as refusal:
                call(own)
            assert refusal.value.code == UNAUTHORIZED


def test_every_role_of_mongodb_stands_in_both_tables() -> None:
    """But the admin, who may do everything."""
    assert set(MAY) == set(MAY_NOT) == set(ROLES_OF["mongodb"]) - {Role.ADMIN}


def test_mongodb_lets_nobody_in_without_a_password(settings: Settings) -> None:
    """Neither to read nor to make a user of one's own."""
    with MongoClient(settings.mongodb_uri, serverSelectionTimeoutMS=4000) as client:
        for call in (find(names.ORDERS), make_user):
            with pytest.raises(OperationFailure) as refusal:
                call(client[settings.mongodb_database])
            assert refusal.value.code == UNAUTHORIZED


def test_mongodb_refuses_a_wrong_password(settings: Settings) -> None:
    """And the platform says that it is the login, where it stands, and no password."""
    wrong = settings.model_copy(
        update={"mongodb_uri": settings.mongodb_uri.replace("://", "://stream:hunter2@") + "&authSource=admin"}
    )
    with pytest.raises(ConfigurationError, match=r"refused the credentials.*ECOM_MONGODB_CREDENTIALS") as refusal:
        connect(wrong)
    assert "hunter2" not in str(refusal.value)


def test_mongodb_runs_no_javascript(db: MongoDatabase) -> None:
    """Not even the admin's: a filter cannot become a program."""
    db[names.ORDERS].insert_one({"_id": 1})
    with pytest.raises(OperationFailure, match="ScriptEngine"):
        db[names.ORDERS].find_one({"$where": "true"})


def test_mongodb_takes_no_zlib_from_anybody(settings: Settings) -> None:
    """CVE-2025-14847 gives away memory before the login, by a message that zlib packed."""
    port = urlsplit(settings.mongodb_uri).port
    assert port is not None
    assert set(compressors_offered(port)) == {"snappy", "zstd"}
    assert not answers_zlib(port)


def send(settings: Settings) -> object:
    """Send an event."""
    producer = KafkaProducer(**python_options(settings), acks="all", max_block_ms=4000, bootstrap_timeout_ms=4000)
    try:
        return producer.send(settings.topic, b"{}").get(timeout=8)
    finally:
        producer.close(timeout=1)


def receive(settings: Settings) -> object:
    """Read an event."""
    consumer = KafkaConsumer(**python_options(settings), enable_auto_commit=False, bootstrap_timeout_ms=4000)
    try:
        partition = TopicPartition(settings.topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        return consumer.poll(timeout_ms=2000)
    finally:
        consumer.close()


def describe(settings: Settings) -> object:
    """Ask for the ends of the topic."""
    with TopicReader(settings, timeout_seconds=4.0) as reader:
        return reader.state()


def look_at_the_group(settings: Settings) -> object:
    """Ask how far the stream has told lag tools that it is; Kafka makes its list of groups when first asked."""
    with TopicReader(settings, timeout_seconds=4.0) as reader:
        for _ in range(50):
            try:
                return reader.published(settings.consumer_group)
            except UnavailableError as error:
                if "CoordinatorNotAvailable" not in str(error):
                    raise
                time.sleep(0.2)
    raise AssertionError("Kafka has no list of groups")


def publish(settings: Settings) -> object:
    """Say for the stream how far it is."""
    with TopicReader(settings, timeout_seconds=4.0) as reader:
        return reader.publish(settings.consumer_group, {0: 0})


def transact(name: str) -> Callable[[Settings], object]:
    """Send an event within a transaction of a producer of this name, and commit it."""

    def send_and_commit(settings: Settings) -> object:
        with transaction(settings, name) as producer:
            return producer.send(settings.topic, b"{}")

    return send_and_commit


def make_topic(settings: Settings) -> object:
    """Make another topic."""
    admin = KafkaAdminClient(**python_options(settings), **SHORT)
    try:
        return admin.create_topics({f"{settings.topic}-more": {"num_partitions": 1}})
    finally:
        admin.close()


def delete_topic(settings: Settings) -> object:
    """Delete the events."""
    admin = KafkaAdminClient(**python_options(settings), **SHORT)
    try:
        return admin.delete_topics([settings.topic])
    finally:
        admin.close()


KAFKA_TABLE = {
    Role.OPERATOR: ([send, receive, describe, look_at_the_group], [make_topic, delete_topic]),
    Role.SIMULATOR: (
        [send, describe, look_at_the_group],
        [receive, publish, make_topic, delete_topic, transact("simulator")],
    ),
    Role.STREAM: ([receive, describe, look_at_the_group, publish], [send, make_topic, delete_topic]),
    Role.ORCHESTRATOR: ([describe, look_at_the_group], [send, receive, publish, make_topic, delete_topic]),
    Role.PRODUCER: (
        [send, transact("producer"), transact("producer-shop-1")],
        [receive, publish, make_topic, delete_topic, transact("shop-1")],
    ),
}


@pytest.mark.parametrize("role", KAFKA_TABLE)
def test_a_role_may_do_in_kafka_what_its_part_needs_and_nothing_else(
    settings: Settings, topic: str, role: Role
) -> None:
    """Each allowed call goes through, each other is refused."""
    del topic
    own = as_role(settings, role)
    allowed, denied = KAFKA_TABLE[role]
    look_at_the_group(as_role(settings, Role.ADMIN))
    for call in allowed:
        call(own)
    for call in denied:
        with pytest.raises((KafkaError, ConfigurationError)) as refusal:
            call(own)
        assert "Authorization" in f"{type(refusal.value).__name__} {refusal.value}"


def test_the_stream_reads_what_a_producer_committed_and_nothing_that_it_aborted(settings: Settings, topic: str) -> None:
    """Role `producer` writes in transactions, role `stream` reads committed events only, as its job does."""
    producer = as_role(settings, Role.PRODUCER)
    outcomes = [(b"first", True), (b"aborted", False), (b"second", True), (b"aborted last", False)]
    for value, commits in outcomes:
        with nullcontext() if commits else pytest.raises(RegrettedError), transaction(producer, "producer-1") as shop:
            shop.send(topic, value, partition=0)
            if not commits:
                raise RegrettedError

    stream = as_role(settings, Role.STREAM)
    with TopicReader(stream) as reader:
        end = reader.state().end[0]
    consumer = KafkaConsumer(**python_options(stream), isolation_level="read_committed", enable_auto_commit=False)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    read: list[bytes] = []
    while consumer.position(partition) < end:
        read += [record.value for record in consumer.poll(1_000).get(partition, ())]
    consumer.close()

    assert read == [b"first", b"second"]
    assert end == 2 * len(outcomes)  # each event, and the marker behind it


def test_every_role_of_kafka_stands_in_the_table() -> None:
    """But the admin, who may do everything."""
    assert set(KAFKA_TABLE) == set(ROLES_OF["kafka"]) - {Role.ADMIN}


def test_kafka_lets_nobody_in_without_a_password(settings: Settings) -> None:
    """The connection is closed before anything is answered."""
    with pytest.raises(KafkaTimeoutError):
        KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers, **SHORT)


def test_kafka_refuses_a_wrong_password(settings: Settings, tmp_path) -> None:
    """And the platform says that it may be the login."""
    (tmp_path / "kafka-operator.properties").write_text("username=operator\npassword=hunter2\n")
    wrong = settings.model_copy(update={"kafka_credentials": tmp_path})
    with pytest.raises(UnavailableError, match="refuses the login of operator") as refusal:
        TopicReader(wrong, timeout_seconds=3.0)
    assert "hunter2" not in str(refusal.value)
