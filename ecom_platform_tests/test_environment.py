"""What is in a person's environment for other programs never reaches ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecom_platform.environment import UTF8_LOCALE, inherited
from ecom_platform.local.instance import Instance
from ecom_platform.local.processes import environment
from ecom_platform.settings import Settings
from ecom_platform.streaming import process as stream

FOR_OTHERS = {
    "JAVA_TOOL_OPTIONS": "-Xmx3m",
    "_JAVA_OPTIONS": "-Xbad",
    "JDK_JAVA_OPTIONS": "-Xbad",
    "CLASSPATH": "/nowhere",
    "SPARK_HOME": "/nowhere",
    "SPARK_CONF_DIR": "/nowhere",
    "PYSPARK_SUBMIT_ARGS": "bad",
    "HADOOP_CONF_DIR": "/nowhere",
    "KAFKA_OPTS": "-Xbad",
    "PYTHONPATH": "/nowhere",
    "PYTHONHOME": "/nowhere",
    "PYTHONWARNINGS": "error",
    "PYTHONINSPECT": "1",
    "MALLOC_PERTURB_": "1",
    "DAGSTER_HOME": "/nowhere",
    "STREAMLIT_SERVER_PORT": "1",
    "WEB_CONCURRENCY": "4",
    "grpc_proxy": "http://127.0.0.1:9",
    "LANG": "tr_TR.UTF-8",
    "LC_CTYPE": "UTF-8",
}


def test_what_is_meant_for_other_programs_stops_here() -> None:
    """And what is a person's own goes on: where things are, who they are, which instance."""
    own = {"PATH": "/bin", "HOME": "/home/ada", "TZ": "Asia/Kolkata", "ECOM_HOME": "here", "JAVA_HOME": "/opt/java",
           "SSL_CERT_FILE": "/etc/ca.pem", "LD_LIBRARY_PATH": "/opt/lib"}  # fmt: skip

    kept = inherited({**FOR_OTHERS, **own})

    assert kept.items() >= own.items()
    assert set(kept) & set(FOR_OTHERS) == set()
    assert kept["LC_ALL"] == UTF8_LOCALE


@pytest.mark.parametrize(
    ("setting", "kept"),
    [
        ({}, False),
        ({"ECOM_SPARK_MASTER": "local[2]"}, False),
        ({"ECOM_HDFS_URI": "hdfs://warehouse"}, True),
        ({"ECOM_SPARK_MASTER": "yarn"}, True),
    ],
    ids=str,
)
def test_hadoops_variables_stay_for_a_cluster_that_is_named(setting: dict[str, str], *, kept: bool) -> None:
    """Name nodes and Kerberos are found by them; our own HDFS knows neither."""
    found = inherited({"HADOOP_CONF_DIR": "/etc/hadoop", "SPARK_HOME": "/opt/spark", **setting})

    assert ("HADOOP_CONF_DIR" in found) is kept
    assert "SPARK_HOME" not in found


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "corp.example"}, "corp.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "a, localhost", "NO_PROXY": "b"}, "a,localhost,127.0.0.1,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
    ids=str,
)
def test_a_proxy_stands_before_the_world_and_never_before_this_machine(said: dict[str, str], value: str) -> None:
    """Downloads need it; Dagster's code server and the status pages of HDFS are on loopback."""
    found = inherited({"https_proxy": "http://proxy.corp:8080", **said})

    assert found["https_proxy"] == "http://proxy.corp:8080"
    assert (found["no_proxy"], found["NO_PROXY"]) == (value, value)


def test_programs_of_an_instance_and_the_stream_are_shielded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two places where programs are started."""
    for name, value in FOR_OTHERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    for made in (environment(Instance(tmp_path)), stream.environment(Settings(_env_file=None, home=tmp_path))):
        assert set(made) & set(FOR_OTHERS) == set()
        assert made["no_proxy"] == "localhost,127.0.0.1,::1"
    assert environment(Instance(tmp_path))["TMPDIR"] == str(tmp_path / "tmp")


@pytest.mark.parametrize(
    ("hostile", "mark"),
    [
        ({"PYTHONIOENCODING": "latin-1"}, "?"),
        ({**FOR_OTHERS, "PYTHONHOME": "", "PYTHONOPTIMIZE": "2", "LC_ALL": "xx_XX.UTF-8"}, "✗"),
    ],
    ids=["a terminal without our marks", "an interpreter that is told how to be"],
)
def test_a_command_survives_an_environment_of_another_world(tmp_path: Path, hostile: dict[str, str], mark: str) -> None:
    """Asserts left out, warnings that are errors, a locale that is not installed."""
    argv = [sys.executable, "-m", "ecom_platform.cli", "status"]
    where = {"ECOM_HOME": str(tmp_path / "home")}

    done = subprocess.run(argv, env={**os.environ, **hostile, **where}, cwd=tmp_path, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith(f"{mark} kafka")
