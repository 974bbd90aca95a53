"""What set-up asks of a machine before it downloads anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ecom_platform.runtime.machine import LIBRARIES, Machine, look_at_it, problems, trouble_with_user

ROOT = Path(__file__).parents[2]
FINE = Machine(linux=True, glibc=(2, 36), own_mongod=False, missing_libraries=[], free_bytes=10 << 30)


def test_a_bare_machine_will_do() -> None:
    """No Java, no MongoDB, no browser is asked for."""
    assert problems(FINE) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"glibc": None}, "another C library"),
        ({"glibc": (2, 31)}, "glibc 2.34 or newer .*has 2.31.*ECOM_MONGOD"),
        ({"missing_libraries": ["liblzma.so.5"]}, r"liblzma\.so\.5"),
        ({"free_bytes": 1 << 30}, "About 3 GB of disk are needed, and 1.0 GB are free"),
        ({"user_trouble": trouble_with_user(4_294_967_000)}, "user 4294967000 has no name.*/etc/passwd"),
        ({"java_trouble": "Java 11"}, "Java 11"),
    ],
)
def test_what_is_in_the_way_is_said_with_its_remedy(change: dict[str, object], said: str) -> None:
    """Each alone; the text is all that a newcomer sees."""
    (found,) = problems(replace(FINE, **change))

    assert re.search(said, found)


def test_a_mongod_of_the_machine_runs_on_an_old_system() -> None:
    """Only the installed one needs the newer C library."""
    assert problems(replace(FINE, glibc=(2, 28), own_mongod=True)) == []


def test_everything_is_said_at_once() -> None:
    """Nobody mends one thing, waits, and reads of the next."""
    assert len(problems(replace(FINE, glibc=None, missing_libraries=LIBRARIES, java_trouble="Java 11"))) == 3


def test_the_libraries_that_are_asked_for_are_found_here() -> None:
    """Their names are right: this machine runs the platform."""
    assert look_at_it().missing_libraries == []


def test_the_user_who_runs_this_has_a_name() -> None:
    """Or HDFS and Spark would not have started in the other tests."""
    assert trouble_with_user(os.geteuid()) == ""


def test_it_needs_nothing_but_the_standard_library() -> None:
    """It runs before anything is installed; a Java that was named by mistake is said, and ends set-up with its code."""
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(ROOT)!r})\n"]
    command[-1] += "from ecom_platform.runtime.machine import main; sys.exit(main())"

    done = subprocess.run(
        command, env={**os.environ, "ECOM_JAVA_HOME": "/nowhere"}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("Java 17 or 21 is needed")
