"""Options of a session: a laptop's on this machine, none of them on a cluster, a person's file before all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.settings import Settings
from ecom_platform.tabular.spark_session import properties_of, session_options

LOCAL_ONLY = {"spark.driver.host", "spark.driver.bindAddress", "spark.local.dir"}


def _options(home: Path, master: str, properties: Path | None = None) -> dict[str, str]:
    settings = Settings(_env_file=None, home=home, spark_properties=properties)
    return session_options(settings, "test", master=master)


@pytest.mark.parametrize("master", ["local[*,4]", "local", "local-cluster[2,1,1024]"])
def test_executors_of_this_machine_are_reached_by_loopback_alone(tmp_path: Path, master: str) -> None:
    """No other machine can connect to the driver."""
    options = _options(tmp_path, master)

    assert options["spark.driver.host"] == options["spark.driver.bindAddress"] == "127.0.0.1"
    assert options["spark.local.dir"].startswith(str(tmp_path))


@pytest.mark.parametrize("master", ["spark://spark-1:7077", "yarn", "k8s://https://api:6443"])
def test_executors_of_a_cluster_get_no_address_and_no_folder_of_this_machine(tmp_path: Path, master: str) -> None:
    """Spark finds the driver's address itself, and each worker has folders of its own."""
    assert LOCAL_ONLY.isdisjoint(_options(tmp_path, master))


def test_the_file_of_properties_wins_over_everything(tmp_path: Path) -> None:
    """Blank lines and comments count for nothing; a name ends at a blank, a colon or an equals sign."""
    file = tmp_path / "spark.properties"
    file.write_text(
        "# a cluster\n\nspark.driver.host 10.0.0.5\nspark.sql.shuffle.partitions = 64\n"
        "spark.executor.extraJavaOptions: -Da=1 -Db=2\n"
    )

    options = _options(tmp_path, "local[2]", file)

    assert options["spark.driver.host"] == "10.0.0.5"
    assert options["spark.sql.shuffle.partitions"] == "64"
    assert options["spark.executor.extraJavaOptions"] == "-Da=1 -Db=2"


@pytest.mark.parametrize("line", ["spark.driver.host", "spark.driver.host =", "=value"])
def test_a_line_without_a_name_or_a_value_is_refused_and_not_shown(tmp_path: Path, line: str) -> None:
    """The file may hold a secret, so that the message names the line by its number."""
    file = tmp_path / "spark.properties"
    file.write_text(f"spark.app.name shop\n{line}\n")

    with pytest.raises(ConfigurationError, match="Line 2 of ") as refused:
        properties_of(Settings(_env_file=None, spark_properties=file))
    assert line not in str(refused.value)


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    """The person knows which variable to change."""
    with pytest.raises(ConfigurationError, match=r"ECOM_SPARK_PROPERTIES.*no\.properties"):
        properties_of(Settings(_env_file=None, spark_properties=tmp_path / "no.properties"))
