"""What the tests of archive runs and of compactions share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from ecom_platform.archive.hdfs import connect_hdfs
from ecom_platform.archive.rehydrate import rehydrate_waiting
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.tabular.spark_session import session_options, start_session
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.compacting import TOPIC
from ecom_platform_tests.archive.shops import Shop, make_shop
from ecom_platform_tests.conftest import Platform

ZONE = "Asia/Kathmandu"


@pytest.fixture(scope="module")
def spark(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for the module, as a machine elsewhere would have it: starting one takes seconds.

    Its JVM is Turkish, where the capital of i is no I, and it and its Python workers live by Nepal's clock.
    """
    settings = platform.settings.model_copy(update={"home": tmp_path_factory.mktemp("spark")})
    java = ("-Duser.language=tr", "-Duser.country=TR", f"-Duser.timezone={ZONE}")
    _end_jvm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", ZONE)
        master = settings.spark_batch_master
        session = start_session(settings, session_options(settings, "ecom archive", master=master, jvm_options=java))
        assert session._jvm.java.util.Locale.getDefault().toString() == "tr_TR"
        yield session
        session.stop()
    _end_jvm()


def _end_jvm() -> None:
    """Spark keeps its JVM when a session ends: the next one in this process would have the same language and zone."""
    gateway = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()  # what the JVM waits for
        gateway.proc.wait(60)
        SparkContext._gateway = SparkContext._jvm = None


@pytest.fixture
def empty_archive(settings: Settings) -> None:
    """Tests have a database each, but share HDFS."""
    connect_hdfs(settings).delete("/ecommerce", recursive=True)


@pytest.fixture
def empty_shop(settings: Settings, db: MongoDatabase) -> Iterator[Shop]:
    """No orders yet, nothing in HDFS, and the shop's double that never archives."""
    connect_hdfs(settings).delete("/ecommerce", recursive=True)
    shadow = db.client.get_database(f"{db.name}_shadow", db.codec_options)
    yield make_shop(settings, db, shadow)
    db.client.drop_database(shadow.name)


@pytest.fixture
def shop(empty_shop: Shop) -> Shop:
    """Six shipped orders of one day in two files of two runs; the first of them came back, so the day is due."""
    *before, late = TOPIC
    empty_shop.send(*before)
    handmade.archive(empty_shop.settings, empty_shop.db, [1, 2, 3], "run-0")
    handmade.archive(empty_shop.settings, empty_shop.db, [4, 5, 6], "run-1")
    empty_shop.send(late)
    rehydrate_waiting(empty_shop.settings, empty_shop.db, "a test")
    return empty_shop
