"""What a run gets from its resources: what the environment says, or what a person gives it in the launchpad."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_pyspark import LazyPySparkResource
from pyspark import SparkContext

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.definitions import defs
from ecom_platform.orchestration.resources import Platform, pyspark
from ecom_platform.settings import Settings


@dg.op
def look(platform: Platform) -> dict[str, Any]:
    """The settings of this run."""
    return platform.settings().model_dump(include={"mongodb_database", "topic", "archive_older_than"})


@dg.job
def looking() -> None:
    """One step."""
    look()


def settings_of_run(config: dict[str, Any]) -> Any:
    """What a run sees whose launchpad holds `config` for the platform."""
    ran = looking.execute_in_process(
        resources={"platform": Platform()}, run_config={"resources": {"platform": {"config": config}}}
    )
    return ran.output_for_node("look")


@pytest.fixture(autouse=True)
def shop_of_this_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Said by the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECOM_TOPIC", "orders_of_the_environment")


def test_a_run_takes_its_settings_from_the_environment_unless_the_launchpad_says_otherwise() -> None:
    """Only what is given there differs."""
    assert settings_of_run({})["topic"] == "orders_of_the_environment"

    seen = settings_of_run({"mongodb_database": "another", "archive_older_than": "6h"})
    assert seen["mongodb_database"] == "another"
    assert seen["archive_older_than"] == timedelta(hours=6)
    assert seen["topic"] == "orders_of_the_environment"


def test_a_value_that_cannot_be_used_is_named() -> None:
    """As if it stood in the environment."""
    with pytest.raises(ConfigurationError, match="ARCHIVE_OLDER_THAN"):
        settings_of_run({"archive_older_than": "a while"})


def test_the_launchpad_of_the_platforms_jobs_takes_these_fields() -> None:
    """A backfill of years may have all processors."""
    config = {"resources": {"kpi_platform": {"config": {"spark_batch_master": "local[8,4]"}}}}

    checked = dg.validate_run_config(defs.resolve_job_def("kpi_daily_job"), config)
    assert checked["resources"]["kpi_platform"]["config"]["spark_batch_master"] == "local[8,4]"


def test_a_run_that_asks_for_spark_gets_its_options_and_no_jvm_until_it_uses_it() -> None:
    """Of the platform's settings, those of the launchpad in, and of the run's own `spark_config`."""
    spark = pyspark.configured({"spark_config": {"spark.sql.shuffle.partitions": "8"}})
    with dg.build_resources({"kpi_platform": Platform(spark_batch_master="local[8,4]"), "pyspark": spark}) as built:
        options = built.pyspark.spark_config

    assert isinstance(built.pyspark, LazyPySparkResource)
    assert (options["spark.master"], options["spark.sql.shuffle.partitions"]) == ("local[8,4]", "8")
    assert options["spark.driver.host"] == "127.0.0.1"
    assert SparkContext._active_spark_context is None


def test_every_field_is_a_setting() -> None:
    """Of the same name and with the setting's own description."""
    for name, field in Platform.model_fields.items():
        if name != "role":
            assert str(Settings.model_fields[name].description) in str(field.description)
