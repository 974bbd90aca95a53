"""Spark sessions: local by default, everything on loopback, nothing shown, the same options for stream and batch."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyspark.sql import SparkSession

from ecom_platform.environment import shield
from ecom_platform.java import LAPTOP_OPTIONS, NO_RECORD
from ecom_platform.scratch import own_folder
from ecom_platform.settings import Settings

__all__ = ["driver_options", "start_session"]


def start_session(
    settings: Settings, name: str, *, master: str, jars: Sequence[Path] = (), options: Mapping[str, str] | None = None
) -> SparkSession:
    """Start Spark (5 to 9 seconds); `stop()` ends the JVM.

    Args:
        settings: say where Spark keeps its files, and the size of its heap.
        name: of the application.
        master: any master URL.
        jars: what is needed beside Spark itself.
        options: more Spark options.
    """
    shield()  # a Spark of another installation, options for every JVM
    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1", SPARK_LAUNCHER_OPTS=NO_RECORD)
    builder = SparkSession.builder.appName(name).master(master)
    temporary = own_folder(settings.home / "tmp")
    for key, value in {**_common(settings, temporary), **_class_path(jars), **(options or {})}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _class_path(jars: Sequence[Path]) -> dict[str, str]:
    paths = [str(jar) for jar in jars]
    # Not --jars: those are copied and served to executors over HTTP even when there are none.
    return {"spark.jars": ",".join(paths), "spark.driver.extraClassPath": ":".join(paths)} if paths else {}


def driver_options(settings: Settings, temporary: Path) -> dict[str, str]:
    """The options of Spark's JVM."""
    java = [*LAPTOP_OPTIONS, NO_RECORD, f'-Djava.io.tmpdir="{temporary}"']
    return {"spark.driver.memory": settings.spark_driver_memory, "spark.driver.extraJavaOptions": " ".join(java)}


def _common(settings: Settings, temporary: Path) -> dict[str, str]:
    return {
        **driver_options(settings, temporary),
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
