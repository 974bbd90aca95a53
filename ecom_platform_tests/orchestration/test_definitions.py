"""What Dagster loads: the same names every time, without any server and without Spark."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

from ecom_platform import orchestration
from ecom_platform.orchestration.definitions import defs

ROOT = Path(__file__).parents[2]
FRESH = """
import sys
import ecom_platform.orchestration.definitions as module
import dagster
dagster.Definitions.validate_loadable(module.defs)
print(sorted({"pyspark", "pymongoarrow", "streamlit", "kafka", "faker"} & set(sys.modules)))
"""


NAMES = {
    "assets": """
        alerts/alerts archive/orders_archive archive/orders_archive_summary archive/orders_purge dimensions/couriers
        dimensions/inventory dimensions/products dimensions/users dimensions/warehouses facts/dead_letters
        facts/deliveries facts/order_items facts/orders kpis/kpi_daily kpis/kpi_daily_by_category kpis/kpi_daily_by_city
        kpis/kpi_daily_by_courier kpis/kpi_daily_by_delay kpis/kpi_daily_by_payment kpis/kpi_daily_by_product
        kpis/kpi_daily_by_warehouse sources/orders_topic
    """,
    "checks": """
        alerts/alerts:alert_rules_evaluated alerts/alerts:late_share alerts/alerts:many_sold_out
        alerts/alerts:order_value_high alerts/alerts:order_value_low alerts/alerts:orders_high alerts/alerts:orders_low
        alerts/alerts:oversold alerts/alerts:stock_out archive/orders_archive:published_files_match
        facts/dead_letters:dead_letters facts/orders:accounting_equations_hold facts/orders:size_within_bounds
        facts/orders:stale_data kpis/kpi_daily:equals_live_rollups kpis/kpi_daily:no_day_waits
        sources/orders_topic:lag_within_bounds
    """,
    "sensors": """
        alert_sensor dirty_days_sensor kafka_lag_sensor late_events_sensor orders_purge_sensor orders_size_sensor
        pipeline_status_sensor run_failure_sensor streaming_supervisor_sensor
    """,
    "schedules": """
        orders_archive_schedule prune_history_schedule
    """,
    "jobs": """
        kpi_daily_job orders_archive_job orders_purge_job prune_history_job rehydration_job streaming_supervisor_job
    """,
}
"""What people and stored history know by name."""
LOADABLE = (
    dg.SensorDefinition,
    dg.ScheduleDefinition,
    dg.JobDefinition,
    type(dg.define_asset_job("any")),
    dg.AssetsDefinition,
    dg.AssetSpec,
)


def offline(home: Path) -> dict[str, str]:
    """An environment in which every server is out of reach."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ECOM_", "DAGSTER_"))}
    nowhere = {"ECOM_MONGODB_URI": "mongodb://127.0.0.1:1/", "ECOM_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    return {**kept, **nowhere, "ECOM_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


def test_definitions_load_in_a_fresh_interpreter_without_servers_and_without_spark(tmp_path: Path) -> None:
    """An import cycle, or an import that costs seconds, hides in a process that has imported everything."""
    argv = [sys.executable, "-c", FRESH]
    done = subprocess.run(
        argv, env=offline(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_dagster_validates_the_workspace_of_a_clone(tmp_path: Path) -> None:
    """As `dagster dev` reads it, from the top of the clone."""
    argv = [sys.executable, "-m", "dagster", "definitions", "validate"]
    env = {**offline(tmp_path), "DAGSTER_HOME": str(tmp_path)}
    done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)

    assert done.returncode == 0, done.stderr


def test_dg_checks_and_lists_the_definitions_of_a_clone(tmp_path: Path) -> None:
    """Dagster's tool for projects, from the top of the clone, without an activated environment."""
    dg_program = Path(sys.executable).with_name("dg")
    said = {}
    for command in (("check", "defs"), ("list", "defs", "--json")):
        done = subprocess.run(
            [dg_program, *command],
            env=offline(tmp_path),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said[command[0]] = done.stdout

    assert "All definitions loaded successfully." in said["check"]
    listed = {asset["asset_key"] for asset in json.loads(said["list"])["assets"]}
    assert listed == {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}


@pytest.mark.parametrize("kind", NAMES)
def test_keys_jobs_sensors_and_checks_keep_their_names(kind: str) -> None:
    """A renamed asset loses its history, a renamed sensor its cursor."""
    graph, repository = defs.resolve_asset_graph(), defs.get_repository_def()
    found = {
        "assets": {key.to_user_string() for key in graph.get_all_asset_keys()},
        "checks": {key.to_user_string() for key in graph.asset_check_keys},
        "sensors": {sensor.name for sensor in repository.sensor_defs},
        "schedules": {schedule.name for schedule in repository.schedule_defs},
        "jobs": {name for name in repository.job_names if not name.startswith("__")},
    }
    known = set(NAMES[kind].split())
    assert found[kind] == known, f"NAMES of this file: new {found[kind] - known}, gone {known - found[kind]}"


def test_whatever_a_module_makes_is_loaded() -> None:
    """A sensor that no definition names is never run, and nothing says so."""
    loaded = [*defs.assets, *defs.asset_checks, *defs.jobs, *defs.sensors, *defs.schedules]
    forgotten = [
        f"{module}.{name}"
        for _, module, _ in pkgutil.walk_packages(orchestration.__path__, f"{orchestration.__name__}.")
        for name, made in vars(importlib.import_module(module)).items()
        if isinstance(made, LOADABLE) and not any(made is one for one in loaded)
    ]
    assert forgotten == [], "orchestration/definitions.py does not load them"


def test_what_watches_and_what_is_daily_runs_without_being_switched_on() -> None:
    """A sensor that somebody has to find first watches nothing."""
    repository = defs.get_repository_def()
    assert {sensor.default_status for sensor in repository.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}
    assert {schedule.default_status for schedule in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}


def test_archive_days_end_yesterday_and_kpi_days_today() -> None:
    """Orders of today are never archived by day; its figures are computed all the same."""
    graph, today = defs.resolve_asset_graph(), datetime.now(UTC).date()
    last = {
        name: graph.get(dg.AssetKey(name.split("/"))).partitions_def.get_last_partition_key()
        for name in ("archive/orders_archive", "kpis/kpi_daily")
    }
    after = datetime.now(UTC).date()

    assert last["archive/orders_archive"] in {str(day - timedelta(days=1)) for day in (today, after)}
    assert last["kpis/kpi_daily"] in {str(today), str(after)}


def test_everything_that_starts_spark_shares_one_place() -> None:
    """The purge too: it competes for the same disk."""
    graph = defs.resolve_asset_graph()
    pools = {key.to_user_string(): graph.get(key).pools for key in graph.get_all_asset_keys()}

    for key in ("archive/orders_archive", "archive/orders_purge", "archive/orders_archive_summary", "kpis/kpi_daily"):
        assert pools[key] == {"spark_batch"}


def test_every_asset_says_what_it_is() -> None:
    """Columns, owner, kinds, group, address without a password; grain, source, consumer and failure in words."""
    for spec in defs.resolve_all_asset_specs():
        assert spec.metadata["dagster/column_schema"].columns, spec.key
        assert spec.owners, spec.key
        if spec.group_name != "archive":
            assert spec.metadata["dagster/uri"].startswith(("mongodb:///", "kafka:///")), spec.key
        assert spec.kinds, spec.key
        assert spec.group_name == spec.key.path[0]
        for word in ("Grain", "Source", "Consumer", "When it fails"):
            assert f"**{word}:**" in spec.description, (spec.key, word)


def test_what_is_computed_has_the_version_of_its_code() -> None:
    """The digest of the rooms that compute it: facts and KPIs change for other reasons."""
    versions = {spec.key.path[0]: spec.code_version for spec in defs.resolve_all_asset_specs()}

    computed = [versions[group] for group in ("dimensions", "facts", "kpis")]
    assert all(computed)
    assert len(set(computed)) == 3


def test_column_lineage_names_columns_that_exist() -> None:
    """Both ends of every arrow; no figure comes from the number of changes to an order."""
    columns = {
        spec.key: {column.name for column in spec.metadata["dagster/column_schema"].columns}
        for spec in defs.resolve_all_asset_specs()
    }
    arrows = 0
    for spec in defs.resolve_all_asset_specs():
        lineage = spec.metadata.get("dagster/column_lineage")
        for column, deps in (lineage.deps_by_column if lineage else {}).items():
            assert column in columns[spec.key]
            assert all(dep.column_name in columns[dep.asset_key] for dep in deps), (spec.key, column)
            assert all(dep.asset_key in {d.asset_key for d in spec.deps} for dep in deps), (spec.key, column)
            assert spec.group_name != "kpis" or "version" not in {dep.column_name for dep in deps}, (spec.key, column)
            arrows += len(deps)
    assert arrows > 20


def test_archive_and_kpis_say_where_their_columns_come_from_and_how_fresh_they_are() -> None:
    """Every column of a KPI but its key, and what the archive copies or counts.

    A window of time says nothing about the KPIs: a backfill of an old year would make them fresh, a quiet night not.
    """
    specs = [spec for spec in defs.resolve_all_asset_specs() if spec.group_name in ("archive", "kpis")]
    assert len(specs) > 10
    for spec in specs:
        assert bool(spec.freshness_policy) == (spec.group_name == "archive"), spec.key
        traced = spec.metadata["dagster/column_lineage"].deps_by_column
        assert traced, spec.key
        if spec.group_name == "kpis":
            columns = {column.name for column in spec.metadata["dagster/column_schema"].columns}
            untraced = columns - set(traced) - {"subject", "member"}
            assert not untraced, f"_KPI_SOURCES in orchestration/columns.py does not say what {untraced} are made of"
            assert not {"subject", "member"} & set(traced), spec.key


def test_the_configuration_of_the_instance_is_one_that_dagster_takes(tmp_path: Path) -> None:
    """The supervisor's pool holds one run, a killed run gives it back, and Dagster itself repeats no run."""
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        pools = instance.get_concurrency_config().pool_config
        assert (pools.default_pool_limit, pools.pool_granularity.value) == (1, "run")
        assert instance.run_monitoring_enabled
        assert not instance.run_retries_enabled
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] > 0
    assert yaml.safe_load((ROOT / "dagster.yaml").read_text())["sensors"]["use_threads"]
