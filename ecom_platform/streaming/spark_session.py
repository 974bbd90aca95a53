"""The Spark session of the stream: local by default, the Kafka source on its class path, everything on loopback."""

from __future__ import annotations

import os
import sys

from pyspark.sql import SparkSession

from ecom_platform.jars import class_path
from ecom_platform.java import LAPTOP_OPTIONS
from ecom_platform.settings import Settings

__all__ = ["start_session"]


def start_session(settings: Settings, name: str) -> SparkSession:
    """Start Spark (5 to 9 seconds); `stop()` ends the JVM.

    Raises:
        ConfigurationError: the jars of the Kafka source are missing or damaged.
    """
    jars = ",".join(str(path) for path in class_path("spark-kafka"))
    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    options = {
        "spark.jars": jars,
        # Not --jars: those are copied and served to executors over HTTP even when there are none.
        "spark.driver.extraClassPath": jars.replace(",", ":"),
        "spark.driver.memory": settings.spark_driver_memory,
        "spark.driver.extraJavaOptions": " ".join(LAPTOP_OPTIONS),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "WARN",
        "spark.local.dir": str(settings.home / "spark" / "local"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        # One Arrow batch is one chunk: nothing is copied together again in Python.
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(settings.chunk_events),
        # A second attempt beside a running one would only fight over the fence.
        "spark.speculation": "false",
    }
    builder = SparkSession.builder.appName(name).master(settings.spark_master)
    for key, value in options.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
