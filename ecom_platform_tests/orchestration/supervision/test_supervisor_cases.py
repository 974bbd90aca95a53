"""What people and crashes do to a supervised stream, against a real code server and a real daemon.

One instance serves all cases; each begins by wishing for the stream, so that they may run in any order. The child is
scripted: it proves by a file lock that two of it never live at the same time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime

import dagster as dg
import psutil
import pytest

from ecom_platform.orchestration.instance import CODE_LOCATION
from ecom_platform.orchestration.names import STOPPED_BY_TAG
from ecom_platform.orchestration.runs.recovery import fail_dead_runs, stop_runs
from ecom_platform.orchestration.supervision.jobs import SUPERVISOR_JOB
from ecom_platform.orchestration.tables import FACTS, fact_key
from ecom_platform.store.desired_state import read_intent, set_intent
from ecom_platform.store.leases import STREAM_ROLE, Lease, read_lease
from ecom_platform_tests.orchestration.stage import Stage
from ecom_platform_tests.programs import until


@pytest.fixture(autouse=True)
def never_two_streams(stage: Stage) -> Iterator[None]:
    """No case may make two children live at once."""
    yield
    assert not stage.overlapped()


def replaced(stage: Stage, run_id: str, seconds: float = 60.0) -> tuple[str, int]:
    """(run, child) once another run supervises."""

    def another() -> tuple[str, int] | None:
        found = stage.supervised()
        return found if found and found[0] != run_id else None

    return until(f"a run replaces {run_id}", another, seconds)


def renewed(stage: Stage) -> Callable[[], bool]:
    """Whether the holder of the lease has renewed it since now."""

    def last() -> datetime:
        lease = read_lease(stage.db, STREAM_ROLE)
        assert lease is not None
        return lease.renewed_at

    before = last()
    return lambda: last() > before


def launch_by_hand(stage: Stage) -> str:
    """What the Launch button does; the id of the run."""
    before = {run.run_id for run in stage.runs()}
    argv = [sys.executable, "-m", "dagster", "job", "launch", "-w", str(stage.home / "workspace.yaml")]
    argv += ["-j", SUPERVISOR_JOB, "-l", CODE_LOCATION]
    subprocess.run(argv, env=dict(stage.environment()), check=True, capture_output=True, timeout=60)
    return until("the run exists", lambda: next((r.run_id for r in stage.runs() if r.run_id not in before), None))


TERMINATE = """
mutation {{ terminateRuns(runIds: ["{}"], terminatePolicy: SAFE_TERMINATE) {{
  ... on TerminateRunsResult {{ terminateRunResults {{ __typename }} }} }} }}
"""


def press_terminate(stage: Stage, run_id: str) -> None:
    """Send the request that the Terminate button of the UI sends."""
    argv = [
        sys.executable,
        "-c",
        "from dagster_graphql.cli import main; main()",
        "-w",
        str(stage.home / "workspace.yaml"),
    ]
    argv += ["-t", TERMINATE.format(run_id)]
    answer = subprocess.run(
        argv, env=dict(stage.environment()), check=True, capture_output=True, text=True, timeout=60
    ).stdout
    assert "TerminateRunSuccess" in answer, answer


def cancel(stage: Stage, run_id: str) -> None:
    """What the server does with that request, without the seconds it takes to start one."""
    stage.instance.run_coordinator.cancel_run(run_id)


def test_a_person_who_cancels_the_run_stops_the_stream_for_good(stage: Stage) -> None:
    """Cancelled, childless, and the intent says why; wishing again starts it again."""
    run_id, _ = stage.running()

    press_terminate(stage, run_id)

    assert stage.ended(run_id) == "CANCELED"
    until("the intent is stopped", lambda: stage.intent() == "stopped", 15)
    assert stage.stays_stopped()
    assert stage.running()[0] != run_id


def test_a_killed_worker_takes_its_child_along_and_is_replaced(stage: Stage) -> None:
    """`kill -9` of the process that runs the op."""
    run_id, child = stage.running()

    os.kill(stage.worker(run_id), signal.SIGKILL)

    until("the child died with it", lambda: not psutil.pid_exists(child), 5)
    assert replaced(stage, run_id)[1] != child
    assert stage.run(run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_run_whose_code_server_and_worker_were_killed_is_buried_and_replaced(stage: Stage) -> None:
    """No process is left to report the end: the run would stay STARTED for ever."""
    run_id, _ = stage.running()
    worker = stage.worker(run_id)

    stage.kill(stage.server)
    os.kill(worker, signal.SIGKILL)
    stage.start_server()

    replaced(stage, run_id)
    assert stage.run(run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_killed_code_server_leaves_the_stream_alone_and_a_later_cancel_still_reaches_it(stage: Stage) -> None:
    """The new code server does not know the worker; the worker reads its run's status itself."""
    run_id, child = stage.running()

    stage.kill(stage.server)
    stage.start_server()

    assert stage.stays(run_id, child, ticks=1)
    cancel(stage, run_id)
    assert stage.ended(run_id) == "CANCELED"
    assert not stage.children()


def test_a_killed_daemon_leaves_the_stream_alone(stage: Stage) -> None:
    """Before and after the daemon is back there is the same one child."""
    run_id, child = stage.running()

    stage.kill(stage.daemon)
    for _ in range(2):
        until("the lease is renewed", renewed(stage))
    assert stage.supervised() == (run_id, child)
    stage.start_daemon()

    assert stage.stays(run_id, child, ticks=1)


def test_a_second_launch_waits_in_the_queue_and_cancelling_it_does_not_stop_the_stream(stage: Stage) -> None:
    """The pool holds one run; a spare run says nothing about what a person wants of the stream."""
    run_id, child = stage.running()

    spare = launch_by_hand(stage)
    assert stage.stays(run_id, child, ticks=1)
    assert stage.run(spare).status is dg.DagsterRunStatus.QUEUED
    cancel(stage, spare)

    assert stage.ended(spare) == "CANCELED"
    assert stage.stays(run_id, child, ticks=1)
    assert stage.intent() == "running"


def test_launching_the_job_by_hand_is_a_wish_for_the_stream(stage: Stage) -> None:
    """After a stop, the Launch button is enough."""
    run_id, _ = stage.running()
    set_intent(stage.db, STREAM_ROLE, "stopped", by="test", reason="test")
    assert stage.ended(run_id) == "SUCCESS"

    launched = launch_by_hand(stage)

    assert until("it supervises", stage.supervised)[0] == launched
    assert stage.intent() == "running"


def test_runs_stopped_by_a_program_leave_the_wish_as_it_was(stage: Stage) -> None:
    """`ecom down` tags before it cancels: the next start brings the stream back."""
    run_id, _ = stage.running()

    stopped = stop_runs(stage.instance, by="ecom down")

    assert run_id in stopped.ended
    assert not stopped.left
    assert stage.run(run_id).tags[STOPPED_BY_TAG] == "ecom down"
    assert stage.run(run_id).status is dg.DagsterRunStatus.CANCELED
    replaced(stage, run_id)
    assert stage.intent() == "running"


def test_a_crashed_child_is_started_again_by_the_same_run(stage: Stage) -> None:
    """Exit code 1 is no decision."""
    run_id, child = stage.running()

    (stage.children_folder / "exit").write_text("1")

    found = until("another child", lambda: (now := stage.supervised()) and now[1] != child and now)
    assert found[0] == run_id


def test_a_child_that_needs_a_person_stops_the_stream_with_the_reason(stage: Stage) -> None:
    """Exit code 6: going on by itself could hide lost data."""
    run_id, _ = stage.running()

    (stage.children_folder / "exit").write_text("6")

    assert stage.ended(run_id) == "FAILURE"
    assert stage.stays_stopped()
    intent = read_intent(stage.db, STREAM_ROLE)
    assert (intent.desired, intent.by, intent.reason) == ("stopped", "supervisor", "told to end with 6")


def test_a_stream_that_somebody_else_runs_is_left_to_them(stage: Stage) -> None:
    """While `ecom stream` holds the lease no run is requested; afterwards one is."""
    run_id, _ = stage.running()
    set_intent(stage.db, STREAM_ROLE, "stopped", by="test", reason="test")
    stage.ended(run_id)

    lease = Lease.acquire(stage.db, STREAM_ROLE, "ecom stream")
    set_intent(stage.db, STREAM_ROLE, "running", by="test", reason="test")
    assert stage.stays_stopped(ticks=1)
    lease.release()

    until("one run supervises one child", stage.supervised, 60)


def test_a_live_stream_reports_the_facts_while_its_run_goes_on(stage: Stage) -> None:
    """Heartbeats are materializations with rows and lag, stored at once."""
    run_id, _ = stage.running()

    def beats() -> list[dg.EventLogRecord]:
        keys = [fact_key(name) for name in FACTS]
        records = [stage.instance.get_latest_materialization_event(key) for key in keys]
        return [record for record in records if record is not None and record.run_id == run_id]

    entries = until("all facts were reported", lambda: len(found := beats()) == len(FACTS) and found, 15)

    metadata = entries[0].asset_materialization.metadata
    assert metadata["lag_events"].value == 2
    assert metadata["dagster/row_count"].value == 0
    assert stage.run(run_id).status is dg.DagsterRunStatus.STARTED


def test_after_a_crash_of_everything_dead_runs_are_failed_before_anything_starts(stage: Stage) -> None:
    """As after a reboot: no program of the instance is left, and its database still says STARTED."""
    run_id, child = stage.running()
    worker = stage.worker(run_id)
    assert fail_dead_runs(stage.instance) == []

    stage.kill(stage.daemon)
    stage.kill(stage.server)
    os.kill(worker, signal.SIGKILL)
    until("the child died with it", lambda: not psutil.pid_exists(child), 5)

    assert fail_dead_runs(stage.instance) == [run_id]
    assert stage.run(run_id).status is dg.DagsterRunStatus.FAILURE
    stage.start()
    replaced(stage, run_id)


@pytest.mark.full
def test_a_frozen_worker_is_killed_and_replaced(stage: Stage) -> None:
    """`kill -STOP`: its process exists, its lease runs out, and nothing else would end it."""
    run_id, child = stage.running()

    os.kill(stage.worker(run_id), signal.SIGSTOP)

    replaced(stage, run_id, 90)
    assert not psutil.pid_exists(child)
    assert stage.run(run_id).status is dg.DagsterRunStatus.FAILURE
