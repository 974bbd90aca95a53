"""Find the Java that Kafka, HDFS and Spark run on. Standard library only: `make setup` runs it first of all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ecom_platform.errors import ConfigurationError, EcomError

__all__ = ["LAPTOP_OPTIONS", "NO_RECORD", "SUPPORTED", "Java", "find_java", "parse_version"]

SUPPORTED = (17, 21)  # Hadoop 3.5 and Spark 4.2 run on both; Java 23 and later refuse a call Hadoop makes
LAPTOP_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For few cores and small heaps: no collector threads, and no optimizing compiler. The second halves the processor
time of every start and, over a backlog of 200,000 events, that of the stream's JVM as well."""
NO_RECORD = "-XX:-UsePerfData"
"""Without it every JVM writes its counters to /tmp, which no option moves; a killed one leaves them there."""
INSTALL = (
    "Debian, Ubuntu: apt install openjdk-17-jre-headless. Fedora: dnf install java-21-openjdk-headless. "
    "Or name the folder of one: ECOM_JAVA_HOME."
)


@dataclass(frozen=True)
class Java:
    """A Java that can be used: its home folder and its major version."""

    home: Path
    version: int

    @property
    def program(self) -> str:
        """Path of the `java` program."""
        return str(self.home / "bin" / "java")


def find_java(java_home: str = "") -> Java:
    """The first usable Java: `java_home` alone if given, else JAVA_HOME, the PATH, then /usr/lib/jvm.

    Raises:
        ConfigurationError: none was found; the text names what was seen and the package to install.
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
    homes += sorted(path.resolve() for path in Path("/usr/lib/jvm").glob("*") if path.is_dir())
    yield from dict.fromkeys(homes)


def _version_of(program: Path) -> int | None:
    try:
        answer = subprocess.run(
            [program, NO_RECORD, "-version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(answer.stderr)


def main() -> int:
    """Answer whether this machine has a Java to run on; used by `make setup`."""
    try:
        find_java(os.environ.get("ECOM_JAVA_HOME", ""))
    except EcomError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
