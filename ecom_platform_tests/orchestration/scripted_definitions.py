"""The platform's supervisor with short intervals and a scripted child; loaded by the test's code server."""

# Methods whose names say all.
# ruff: noqa: D102

import os
import sys
from pathlib import Path

import dagster as dg

from ecom_platform.orchestration.resources import Platform, StreamLauncher
from ecom_platform.orchestration.supervision.jobs import streaming_supervisor_job
from ecom_platform.orchestration.supervision.sensor import streaming_supervisor_sensor
from ecom_platform.orchestration.supervision.supervisor import SupervisorPace
from ecom_platform.settings import Settings
from ecom_platform.streaming.child import Child, ProcessGroup
from ecom_platform.streaming.process import environment, spawn

CHILD = Path(__file__).with_name("scripted_child.py")


class ScriptedLauncher(StreamLauncher):
    """Starts the scripted child as the platform starts the stream: own group, dies with its parent."""

    def start(self, settings: Settings, token: int, *, available_now: bool = False) -> Child:
        folder = Path(os.environ["TEST_CHILDREN"])
        mode = "drain" if available_now else "run"
        log_file = folder / "child.log"
        argv = [sys.executable, str(CHILD), str(folder), str(token), mode]
        return ProcessGroup(spawn(argv, environment(settings), log_file), log_file)


PACE = SupervisorPace(
    lease_seconds=8.0, check_seconds=1.0, heartbeat_seconds=2.0, first_restart_seconds=0.5, grace_seconds=5.0
)

streaming_supervisor_sensor._min_interval = 1

defs = dg.Definitions(
    jobs=[streaming_supervisor_job],
    sensors=[streaming_supervisor_sensor],
    resources={"platform": Platform(), "launcher": ScriptedLauncher(), "supervisor_pace": PACE},
    executor=dg.in_process_executor,
)
