"""Finding a Java that Kafka, HDFS and Spark run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.java import find_java, parse_version


def fake_java(home: Path, version: str) -> Path:
    """A folder whose `java -version` answers with this version."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
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
    with pytest.raises(ConfigurationError, match=r"Java 11.*apt install openjdk-17"):
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
