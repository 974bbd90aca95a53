"""What is used of Dagster beyond its public interface stands in one module, and works."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import dagster as dg
import pytest
from dagster._annotations import is_public

import ecom_platform.orchestration
from ecom_platform.orchestration import dagster_internals as internals
from ecom_platform_tests.orchestration.samples import is_full, nothing, shelf

PACKAGE = Path(ecom_platform.orchestration.__file__).parent
STATUS = dg.DagsterRunStatus


def used_of_an_instance(file: Path) -> set[str]:
    """Names behind a dot of all that is called `instance`."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute):
            owner = node.value
            called = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if called == "instance" and hasattr(dg.DagsterInstance, node.attr):
                found.add(node.attr)
    return found


def test_every_other_module_uses_what_dagster_calls_public() -> None:
    """No private module of it, and no method of an instance without its mark."""
    private = {}
    for file in PACKAGE.rglob("*.py"):
        if file.name == "dagster_internals.py":
            continue
        assert "dagster._" not in file.read_text(), file
        unmarked = {name for name in used_of_an_instance(file) if not is_public(getattr(dg.DagsterInstance, name))}
        private |= {file.name: unmarked} if unmarked else {}

    assert private == {}
    assert len(used_of_an_instance(PACKAGE / "dagster_internals.py")) > 5


@pytest.mark.parametrize(("status", "end"), [(STATUS.STARTED, "FAILURE"), (STATUS.CANCELING, "CANCELED")])
def test_a_run_is_found_tagged_and_reported_as_ended(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, end: str
) -> None:
    """On an instance as `ecom demo` makes it."""
    run_id = instance.create_run_for_job(nothing, status=status, tags={"a": "b"}).run_id
    instance.create_run_for_job(nothing, status=status)
    (run,) = internals.find_runs(instance, job="nothing", statuses=[status], tags={"a": "b"})
    internals.tag_run(instance, run_id, {"c": "d"})
    internals.report_ended(instance, run, "gone")

    (ended,) = internals.find_runs(instance, tags={"c": "d"})
    assert (ended.run_id, ended.status.value) == (run_id, end)
    assert internals.workers_are_processes_here(instance)


def test_a_cancel_is_marked_and_its_time_is_known(instance: dg.DagsterInstance) -> None:
    """Although no code server knows the run; one without a worker has no process."""
    run_id = instance.create_run_for_job(nothing, status=STATUS.STARTED).run_id
    assert internals.cancel_asked_at(instance, run_id) is None
    internals.cancel_run(instance, run_id)

    (run,) = internals.find_runs(instance, statuses=[STATUS.CANCELING])
    assert run.run_id == run_id
    assert internals.cancel_asked_at(instance, run_id) is not None
    assert internals.worker_pid(instance, run_id) is None


def test_the_process_of_a_run_and_the_last_evaluation_of_a_check_are_known() -> None:
    """Of a run in this process."""
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = dg.materialize([shelf, is_full], instance=instance).run_id
        never = dg.AssetCheckKey(dg.AssetKey("shelf"), "never_evaluated")
        found = internals.last_evaluations(instance, [is_full.check_key, never])
        worker = internals.worker_pid(instance, run_id)

    assert {key.name: evaluation.passed for key, (evaluation, _) in found.items()} == {"is_full": False}
    assert worker is not None
    assert worker[0] == os.getpid()
