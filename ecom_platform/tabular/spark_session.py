"""Spark sessions: local by default, everything on loopback, nothing shown, the same options for stream and batch.

On a cluster Spark's own defaults hold instead of a laptop's, and `ECOM_SPARK_PROPERTIES` names a file of properties,
which wins over all that is set here.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

from ecom_platform.environment import shield
from ecom_platform.errors import ConfigurationError
from ecom_platform.runtime.hadoop import hadoop_properties
from ecom_platform.runtime.java import LAPTOP_OPTIONS, NO_RECORD, find_java
from ecom_platform.runtime.machine import refuse_nameless_user
from ecom_platform.scratch import own_folder
from ecom_platform.settings import Settings

_PYTHON: Final = "spark.pyspark.python"
_LOOPBACK_ADDRESS: Final = "127.0.0.1"
_PROPERTY: Final = re.compile(r"([^\s=:]+)(?:\s*[=:]\s*|\s+)([^\s=:].*)")


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
    with prepared(settings, options["spark.master"]):
        return builder.getOrCreate()


@contextmanager
def running_session(settings: Settings, start: Callable[[], SparkSession]) -> Iterator[SparkSession]:
    """A session of the batch master that `start` makes of `session_options`; its JVM ends with the block.

    Raises:
        ConfigurationError: as `start_session`.
    """
    with prepared(settings, settings.spark_batch_master):
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

    Raises:
        ConfigurationError: the file of properties, or Hadoop's, cannot be read.
    """
    temporary = own_folder(settings.home / "tmp")
    named = {"spark.app.name": name, "spark.master": master}
    given = {**named, **_common(settings, temporary, jvm_options), **_class_path(jars), **(options or {})}
    if is_local(master):
        given |= {
            "spark.driver.host": _LOOPBACK_ADDRESS,
            "spark.driver.bindAddress": _LOOPBACK_ADDRESS,
            "spark.local.dir": str(temporary),
        }
    return {**given, **properties_of(settings)}


@contextmanager
def prepared(settings: Settings, master: str) -> Iterator[None]:
    """The environment in which Spark's JVM must be started. Raises ConfigurationError: there is no usable Java."""
    shield()  # a Spark of another installation, options for every JVM
    refuse_nameless_user()
    java = find_java(settings.java_home)
    # PySpark takes the executors' Python from the environment; only `spark-submit` would read the property.
    python = properties_of(settings).get(_PYTHON, sys.executable)
    os.environ.update(PYSPARK_PYTHON=python, SPARK_LAUNCHER_OPTS=NO_RECORD)
    if is_local(master):
        os.environ["SPARK_LOCAL_IP"] = _LOOPBACK_ADDRESS
    with _environment(java.spark_environment):
        yield


def is_local(master: str) -> bool:
    """Whether a master runs its executors on this machine, and so may be reached by loopback alone."""
    return master.startswith("local")


def properties_of(settings: Settings) -> dict[str, str]:
    """What the file `ECOM_SPARK_PROPERTIES` says: a name and a value in each line, as in `spark-defaults.conf`.

    Raises:
        ConfigurationError: it cannot be read, or a line has no value.
    """
    file = settings.spark_properties
    if file is None:
        return {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"ECOM_SPARK_PROPERTIES cannot be read ({error}). Nothing was started. Name a file of Spark properties."
        ) from error
    properties = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        if (found := _PROPERTY.fullmatch(line)) is None:
            raise ConfigurationError(
                f"Line {number} of {file} is not a name and a value. Nothing was started. Write `name value` there."
            )
        properties[found[1]] = found[2]
    return properties


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
    """The options of the driver's JVM, which with a local master does all the work."""
    java = [*LAPTOP_OPTIONS, NO_RECORD, f'-Djava.io.tmpdir="{temporary}"', *jvm_options]
    return {"spark.driver.memory": settings.spark_driver_memory, "spark.driver.extraJavaOptions": " ".join(java)}


def _common(settings: Settings, temporary: Path, jvm_options: Sequence[str]) -> dict[str, str]:
    return {
        **driver_options(settings, temporary, jvm_options),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "WARN",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        # A second attempt beside a running one would only fight over the fence.
        "spark.speculation": "false",
        # The DataNode is known by its name; its address may be one that clients cannot reach.
        "spark.hadoop.dfs.client.use.datanode.hostname": "true",
        **{f"spark.hadoop.{name}": value for name, value in hadoop_properties(settings).items()},
    }
