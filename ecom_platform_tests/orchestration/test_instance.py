"""The home of an instance is made once, by one process."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
import yaml

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.instance import open_instance, prepare
from ecom_platform.orchestration.runs.recovery import fail_dead_runs, stop_runs
from ecom_platform.settings import Settings
from ecom_platform_tests.orchestration.samples import nothing


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty home."""
    return Settings(home=tmp_path)


def test_preparing_twice_keeps_what_is_there_and_names_the_new_port(settings: Settings) -> None:
    """A second start finds its history; the code server may listen elsewhere."""
    home = prepare(settings, 4000)
    with open_instance(home) as instance:
        run_id = instance.create_run_for_job(nothing).run_id

    assert prepare(settings, 4001) == home

    with open_instance(home) as instance:
        assert instance.get_run_by_id(run_id) is not None
    workspace = yaml.safe_load((home / "workspace.yaml").read_text())
    assert workspace["load_from"][0]["grpc_server"]["port"] == 4001
    assert {file.name for file in (home / "history").iterdir()} >= {"runs.db", "runs"}


def test_a_folder_without_an_instance_is_said_so(tmp_path: Path) -> None:
    """With the command that makes one."""
    with pytest.raises(ConfigurationError, match="ecom demo"):
        open_instance(tmp_path)


def test_a_missing_template_is_said_before_anything_is_made(settings: Settings, tmp_path: Path) -> None:
    """Outside of a clone."""
    with pytest.raises(ConfigurationError, match=r"dagster\.yaml is missing"):
        prepare(settings, 4000, template=tmp_path / "dagster.yaml")


@dg.op
def reads_again() -> None:
    """As the archive does when a DataNode fails."""
    logging.getLogger("ecom_platform.archive.hdfs").warning("reading_again path=%s", "orders/1.parquet")
    logging.getLogger("ecom_platform.orchestration.runs.ending").warning("the storage is locked")


@dg.job
def reading() -> None:
    """One step."""
    reads_again()


def test_what_the_archive_logs_in_a_run_is_on_the_runs_page(instance: dg.DagsterInstance) -> None:
    """Orchestration logs when the storage behind that page does not answer: not through it."""
    run_id = reading.execute_in_process(instance=instance).run_id
    said = [entry.user_message for entry in instance.all_logs(run_id)]

    assert "reading_again path=orders/1.parquet" in said
    assert "the storage is locked" not in said


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (dg.DagsterRunStatus.STARTED, "FAILURE"),
        (dg.DagsterRunStatus.STARTING, "FAILURE"),
        (dg.DagsterRunStatus.CANCELING, "CANCELED"),
    ],
)
def test_a_run_without_a_worker_is_ended_at_the_next_start(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, end: str
) -> None:
    """A cancel stays one."""
    run_id = instance.create_run_for_job(nothing, status=status).run_id
    fail_dead_runs(instance)

    assert instance.get_run_by_id(run_id).status.value == end


def test_a_run_whose_code_server_is_gone_is_tagged_marked_and_named(instance: dg.DagsterInstance) -> None:
    """Its worker, if there is one, reads the mark; the caller learns what is left to kill."""
    run_id = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED).run_id
    stopped = stop_runs(instance, by="ecom down", timeout_seconds=0.5)

    run = instance.get_run_by_id(run_id)
    assert (stopped.ended, stopped.left) == ((), (run_id,))
    assert (run.status.value, run.tags["ecom/stopped-by"]) == ("CANCELING", "ecom down")


@pytest.mark.parametrize("where", ["history/runs.db", "schedules/schedules.db"])
def test_a_damaged_database_is_named_with_the_way_out(settings: Settings, where: str) -> None:
    """Overwritten by a crash or another tool; the way out is that of docs/operations.md."""
    home = prepare(settings, 4000)
    with (home / where).open("r+b") as file:
        file.write(b"\xa5" * 3000)

    with pytest.raises(ConfigurationError, match=rf"{where} is damaged.*Nothing of the shop.*ecom down.*delete {home}"):
        prepare(settings, 4000)


def test_a_database_of_another_version_is_no_bug(settings: Settings) -> None:
    """A newer Dagster has changed its tables."""
    home = prepare(settings, 4000)
    with closing(sqlite3.connect(home / "history" / "runs.db")) as database:
        database.execute("DROP TABLE runs")
        database.commit()

    with pytest.raises(ConfigurationError, match=rf"cannot use its storage in {home}.*delete {home}"):
        prepare(settings, 4000)
