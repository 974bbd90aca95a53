"""The supervisor with the platform's own definitions and the real streaming job."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

import ecom_platform.orchestration.definitions as real
from ecom_platform.local.kafka import ensure_topic
from ecom_platform.local.server import as_admin
from ecom_platform.simulator.run import simulate
from ecom_platform.store.desired_state import set_intent
from ecom_platform.store.leases import STREAM_ROLE
from ecom_platform_tests.orchestration.stage import Stage, staged
from ecom_platform_tests.programs import until

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

SPARK_START_SECONDS = 150


@pytest.fixture
def stage(platform: Any, tmp_path: Path) -> Iterator[Stage]:
    """The real definitions on a topic and a database of their own."""
    own = {"mongodb_database": "test_spark", "topic": "test_spark", "consumer_group": "test_spark"}
    ensure_topic(as_admin(platform.settings.model_copy(update=own), "kafka"))
    with staged(platform.settings, tmp_path, Path(real.__file__), **own) as stage:
        yield stage


PARTS = ("ecom_platform.streaming.spark_stream", "org.apache.spark.deploy.SparkSubmit", "pyspark.daemon")


def stream_processes(stage: Stage) -> set[int]:
    """Every process of the streaming job of this stage: drivers, JVMs, Python workers."""
    found = set()
    for process in psutil.process_iter():
        try:
            # Each inherits the home from the driver, also one that outlived it.
            mine = process.environ().get("ECOM_HOME") == str(stage.settings.home)
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if mine and any(part in command for part in PARTS):
            found.add(process.pid)
    return found


def applied(stage: Stage) -> int:
    """Orders in MongoDB."""
    return int(stage.db["orders"].estimated_document_count())


def supervising(stage: Stage, other_than: str = "") -> str | None:
    """The run that supervises a stream."""
    runs = [run.run_id for run in stage.runs() if run.status is dg.DagsterRunStatus.STARTED]
    return runs[0] if len(runs) == 1 and runs[0] != other_than and stream_processes(stage) else None


def test_killed_and_cancelled_streams_leave_no_jvm_and_lose_no_order(stage: Stage) -> None:
    """Applied, killed, replaced, more applied, cancelled: every order once, no process left."""
    simulate(stage.settings, orders=200, rate="max")
    set_intent(stage.db, STREAM_ROLE, "running", by="test", reason="test")
    stage.start()
    first = until("a run supervises", lambda: supervising(stage), 90)
    until("200 orders are applied", lambda: applied(stage) == 200, SPARK_START_SECONDS)
    old = stream_processes(stage)
    assert len(old) >= 2, "a driver and its JVM"

    os.kill(stage.worker(first), signal.SIGKILL)
    until("the old stream is gone within a minute", lambda: not old & stream_processes(stage), 60)
    second = until("another run supervises", lambda: supervising(stage, first), 90)
    simulate(stage.settings, orders=100, rate="max")
    until("300 orders are applied", lambda: applied(stage) == 300, SPARK_START_SECONDS)

    stage.instance.run_coordinator.cancel_run(second)
    assert stage.ended(second, 60) == "CANCELED"
    until("no process of the stream is left", lambda: not stream_processes(stage), 60)
    assert stage.stays_stopped()
