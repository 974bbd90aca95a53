"""The locked jars: what was locked is what runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.runtime import jars


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the two jars of a lock of its own."""
    locks = tmp_path / "locks"
    locks.mkdir()
    monkeypatch.setattr(jars, "LOCKS", locks)
    monkeypatch.setitem(jars.CLASS_PATHS, "made-up", jars.ClassPath(()))
    lines = []
    for coordinate, path in (("org.a:b:1", "org/a/b/1/b-1.jar"), ("org.a:c:2:linux", "org/a/c/2/c-2-linux.jar")):
        file = tmp_path / "cache" / path
        file.parent.mkdir(parents=True)
        file.write_bytes(coordinate.encode())
        lines.append(f"{coordinate} {hashlib.sha256(coordinate.encode()).hexdigest()}\n")
    (locks / "made-up.lock").write_text("".join(lines))
    return tmp_path / "cache"


def test_the_class_path_keeps_the_order_of_the_lock(cache: Path) -> None:
    """Java takes the first class it finds."""
    assert [path.name for path in jars.class_path("made-up", cache)] == ["b-1.jar", "c-2-linux.jar"]


@pytest.mark.parametrize("position", [0, 3, -1])
def test_a_flipped_byte_is_refused(cache: Path, position: int) -> None:
    """Wherever it is; the text names the file and what to do."""
    jar = cache / "org/a/b/1/b-1.jar"
    content = bytearray(jar.read_bytes())
    content[position] ^= 1
    jar.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"b-1\.jar.*make setup"):
        jars.class_path("made-up", cache)


def test_a_missing_jar_names_itself_and_the_command(cache: Path) -> None:
    """Nothing is downloaded behind somebody's back."""
    (cache / "org/a/c/2/c-2-linux.jar").unlink()

    with pytest.raises(ConfigurationError, match=r"org\.a:c:2:linux.*make setup"):
        jars.class_path("made-up", cache)


def test_what_is_there_is_not_fetched_again(cache: Path) -> None:
    """A second set-up needs no network."""
    assert jars.fetch(["made-up"], cache) == 0


def test_an_unknown_class_path_lists_the_known_ones() -> None:
    """Received and valid values, side by side."""
    with pytest.raises(ConfigurationError, match="spark-kafka"):
        jars.read_lock("sparkk")


def test_spark_gets_four_jars_and_no_second_scala() -> None:
    """PySpark brings the rest; a second Scala library would break it."""
    names = {jar.artifact for jar in jars.read_lock("spark-kafka")}

    assert names == {
        "spark-sql-kafka-0-10_2.13",
        "spark-token-provider-kafka-0-10_2.13",
        "kafka-clients",
        "commons-pool2",
    }


@pytest.mark.parametrize("name", ["kafka", "hadoop", "spark-kafka"])
def test_a_lock_has_no_artifact_twice(name: str) -> None:
    """Two versions of one jar on a class path are a bug that shows up years later."""
    found = [(jar.group, jar.artifact, jar.classifier) for jar in jars.read_lock(name)]

    assert len(found) == len(set(found))
