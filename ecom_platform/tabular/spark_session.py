"""Spark sessions: local by default, everything on loopback, nothing shown, the same options for stream and batch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from ecom_platform.environment import shield
from ecom_platform.runtime.java import LAPTOP_OPTIONS, NO_RECORD, find_java
from ecom_platform.runtime.machine import refuse_nameless_user
from ecom_platform.scratch import own_folder
from ecom_platform.settings import Settings


def start_session(settings: Settings, options: Mapping[str, str]) -> SparkSession:
    """Start Spark (5 to 9 seconds) on the Java that Kafka and HDFS run on, too; `stop()` ends the JVM.

    Args:
        settings: say which Java that is.
        options: those of `session_options`.

    Raises:
        ConfigurationError: there is no usable Java, or the user has no name.
    """
    builder = SparkSession.builder
    for key, value in options.items():
        builder = builder.config(key, value)
    with prepared(settings):
        return builder.getOrCreate()


@contextmanager
def running_session(settings: Settings, start: Callable[[], SparkSession]) -> Iterator[SparkSession]:
    """A session that `start` makes of `session_options`; its JVM ends with the block. Raises ConfigurationError."""
    with prepared(settings):
        session = start()
    try:
        yield session
    finally:
        session.stop()


def session_options(
    settings: Settings,
    name: str,
    *,
    master: str,
    jars: Sequence[Path] = (),
    jvm_options: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Every option of a session.

    Args:
        settings: say where Spark keeps its files, and the size of its heap.
        name: of the application.
        master: any master URL.
        jars: what is needed beside Spark itself.
        jvm_options: more options of the driver's JVM.
        options: more Spark options.
    """
    temporary = own_folder(settings.home / "tmp")
    named = {"spark.app.name": name, "spark.master": master}
    return {**named, **_common(settings, temporary, jvm_options), **_class_path(jars), **(options or {})}


@contextmanager
def prepared(settings: Settings) -> Iterator[None]:
    """The environment in which Spark's JVM must be started. Raises ConfigurationError: there is no usable Java."""
    shield()  # a Spark of another installation, options for every JVM
    refuse_nameless_user()
    java = find_java(settings.java_home)
    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1", SPARK_LAUNCHER_OPTS=NO_RECORD)
    with _environment(java.spark_environment):
        yield


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for what is started meanwhile; they would answer the next question for a Java otherwise."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _class_path(jars: Sequence[Path]) -> dict[str, str]:
    paths = [str(jar) for jar in jars]
    # Not --jars: those are copied and served to executors over HTTP even when there are none.
    return {"spark.jars": ",".join(paths), "spark.driver.extraClassPath": ":".join(paths)} if paths else {}


def driver_options(settings: Settings, temporary: Path, jvm_options: Sequence[str] = ()) -> dict[str, str]:
    """The options of Spark's JVM."""
    java = [*LAPTOP_OPTIONS, NO_RECORD, f'-Djava.io.tmpdir="{temporary}"', *jvm_options]
    return {"spark.driver.memory": settings.spark_driver_memory, "spark.driver.extraJavaOptions": " ".join(java)}


def _common(settings: Settings, temporary: Path, jvm_options: Sequence[str]) -> dict[str, str]:
    return {
        **driver_options(settings, temporary, jvm_options),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "WARN",
        "spark.local.dir": str(temporary),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        # A second attempt beside a running one would only fight over the fence.
        "spark.speculation": "false",
        # The DataNode is known by its name; its address may be one that clients cannot reach.
        "spark.hadoop.dfs.client.use.datanode.hostname": "true",
    }
