"""Runs whose workers died together with the code server that would have told."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ecom_platform.orchestration.runs import recovery
from ecom_platform.orchestration.runs.recovery import fail_dead_holder, fail_workerless
from ecom_platform.store.leases import LeaseState
from ecom_platform.store.process_identity import identify
from ecom_platform_tests.orchestration.samples import nothing

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(("alive", "status"), [(True, "STARTED"), (False, "FAILURE")])
def test_only_a_worker_that_is_gone_is_buried(*, alive: bool, status: str) -> None:
    """Its place in the pool is then free; its lease may well be in force still."""
    me = identify()
    assert me is not None
    # The same process number with another start is another process.
    process = me if alive else replace(me, process_started=me.process_started - 1000)
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
        expiry = NOW + timedelta(seconds=30)
        lease = LeaseState("archiver", 1, "a run", run.run_id, process, expires_at=expiry, renewed_at=NOW, read_at=NOW)

        assert fail_dead_holder(instance, lease) == (None if alive else run.run_id)
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert found.status.value == status
        # A holder that gave the role back has ended in order; its process does not matter.
        assert fail_dead_holder(instance, replace(lease, owner=None)) is None
        assert fail_dead_holder(instance, None) is None


def test_a_run_without_a_lease_is_buried_when_its_worker_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A run that lives, has not said where it works, or is another job's is left alone."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        dead, living, silent = (
            instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED).run_id for _ in range(3)
        )
        workers = {dead: (2**22 + 1, time.time()), living: (os.getpid(), time.time()), silent: None}
        monkeypatch.setattr(recovery, "worker_pid", lambda _instance, run_id: workers[run_id])

        assert fail_workerless(instance, "another job") == []
        assert fail_workerless(instance, "nothing") == [dead]
        assert fail_workerless(instance, "nothing") == []
