"""The jars of Kafka, HDFS and Spark's Kafka source: locked by SHA-256, kept in a cache that clones share.

A lock (`runtime/locks/<class path>.lock`) has one line per jar, `group:artifact:version[:classifier] sha256`, and no
address: jgo knows where Maven Central is. Every use verifies the bytes, so a damaged or exchanged jar is never run.

    python -m ecom_platform.runtime.jars fetch             download what is missing
    python -m ecom_platform.runtime.jars lock              resolve again and write the locks
    python -m ecom_platform.runtime.jars class-path NAME   print the jars of one lock, verified, as Java takes them
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecom_platform.errors import ConfigurationError, EcomError, UnavailableError
from ecom_platform.runtime.trust import UNTRUSTED, is_about_a_certificate, system_trust
from ecom_platform.settings import load_settings

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCKS = Path(__file__).parent / "locks"
DOWNLOADS_AT_ONCE = 8
PLATFORMS = ("", "linux-x86_64")  # native jars of other systems are dead weight


@dataclass(frozen=True)
class ClassPath:
    """What is resolved: the coordinates asked for, and the artifacts kept of the result (empty: all of them)."""

    roots: tuple[str, ...]
    only: frozenset[str] = frozenset()


CLASS_PATHS = {
    "kafka": ClassPath(("org.apache.kafka:kafka_2.13:4.1.1", "org.slf4j:slf4j-simple:1.7.36")),
    "hadoop": ClassPath(
        (
            "org.apache.hadoop:hadoop-hdfs:3.5.0",
            "org.apache.hadoop:hadoop-common:3.5.0",
            "org.apache.hadoop:hadoop-hdfs-client:3.5.0",  # 'provided' for hadoop-hdfs, so it must be named
            "org.slf4j:slf4j-reload4j:1.7.36",  # without it the servers log nothing
        )
    ),
    "spark-kafka": ClassPath(
        ("org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0",),
        # PySpark brings the rest itself; a second Scala or Hadoop on its class path breaks it.
        frozenset(
            {
                "spark-sql-kafka-0-10_2.13",
                "spark-token-provider-kafka-0-10_2.13",
                "kafka-clients",
                "commons-pool2",
            }
        ),
    ),
}


@dataclass(frozen=True, order=True)
class Jar:
    """One locked jar."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str

    @property
    def coordinate(self) -> str:
        """`group:artifact:version[:classifier]`."""
        parts = (self.group, self.artifact, self.version, self.classifier)
        return ":".join(part for part in parts if part)

    @property
    def path(self) -> Path:
        """Where it lies, relative to the cache."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        name = f"{self.artifact}-{self.version}{suffix}.jar"
        return Path(*self.group.split("."), self.artifact, self.version, name)


def class_path(name: str, cache: Path | None = None) -> list[Path]:
    """The jars of one class path, each with the bytes of the lock.

    Raises:
        ConfigurationError: a jar is missing or damaged; the text names it and the command that fetches it.
    """
    folder = _cache(cache)
    paths = []
    for jar in read_lock(name):
        path = folder / jar.path
        if not path.exists():
            raise ConfigurationError(f"{jar.coordinate} is not in {folder}. Run `ecom up`, or `make setup` in a clone.")
        if _digest(path) != jar.sha256:
            raise ConfigurationError(
                f"{path} is not the jar that was locked (its SHA-256 differs), so nothing of it was run. "
                "Delete the file and run `ecom up`, or `make setup` in a clone."
            )
        paths.append(path)
    return paths


def missing(names: Sequence[str] = tuple(CLASS_PATHS), cache: Path | None = None) -> list[Jar]:
    """The jars that are not there; whether those that are have the right bytes, only their use says."""
    folder = _cache(cache)
    return sorted({jar for name in names for jar in read_lock(name) if not (folder / jar.path).exists()})


def fetch(
    names: Sequence[str] = tuple(CLASS_PATHS),
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Download the jars that are missing or damaged; how many that were.

    Args:
        progress: called with how many have come, of how many.

    Raises:
        UnavailableError: a jar could not be downloaded; those that could are kept.
        ConfigurationError: what came is not what was locked; it was thrown away. Or the cache cannot be written.
    """
    folder = _cache(cache)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The cache of jars, {folder}, cannot be made ({error.strerror}). Nothing was started. Set ECOM_JAR_CACHE "
            "to a folder that can be written."
        ) from error
    jars = sorted({jar for name in names for jar in read_lock(name)})
    wanted = [jar for jar in jars if not (folder / jar.path).exists() or _digest(folder / jar.path) != jar.sha256]
    if not wanted:
        return 0
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder) as incoming:
        context = _context(Path(incoming))
        with system_trust(), ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            for done, _ in enumerate(pool.map(lambda jar: _fetch_one(jar, context, folder), wanted), 1):
                if progress is not None:
                    progress(done, len(wanted))
    return len(wanted)


def read_lock(name: str) -> list[Jar]:
    """The jars of a lock, in class path order.

    Raises:
        ConfigurationError: no such class path.
    """
    if name not in CLASS_PATHS:
        raise ConfigurationError(f"There is no class path {name!r}; there are {', '.join(CLASS_PATHS)}.")
    jars = []
    for line in (LOCKS / f"{name}.lock").read_text().splitlines():
        coordinate, sha256 = line.split()
        group, artifact, version, *classifier = coordinate.split(":")
        jars.append(Jar(group, artifact, version, classifier[0] if classifier else "", sha256))
    return jars


def write_locks() -> None:
    """Resolve every class path again and write its lock."""
    with tempfile.TemporaryDirectory(prefix="ecom-jars-") as folder:
        context = _context(Path(folder))
        for name, wanted in CLASS_PATHS.items():
            with system_trust():
                lines = [f"{jar.coordinate} {jar.sha256}\n" for jar in _resolve(context, wanted)]
            (LOCKS / f"{name}.lock").write_text("".join(lines))


def _resolve(context: MavenContext, wanted: ClassPath) -> list[Jar]:
    roots = [context.create_dependency(root) for root in wanted.roots]
    for root in roots:
        root.scope = "compile"
    inputs, transitive = context.resolver.resolve(roots)
    found = [*inputs, *(dependency for dependency in transitive if dependency.scope in ("compile", "runtime"))]
    artifacts = [dependency.artifact for dependency in found if (dependency.classifier or "") in PLATFORMS]
    if wanted.only:
        artifacts = [artifact for artifact in artifacts if artifact.artifactId in wanted.only]
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        digests = list(pool.map(lambda artifact: _digest(artifact.resolve()), artifacts))
    return [
        Jar(artifact.groupId, artifact.artifactId, artifact.version, artifact.classifier or "", digest)
        for artifact, digest in zip(artifacts, digests, strict=True)
    ]


def _fetch_one(jar: Jar, context: MavenContext, folder: Path) -> None:
    import requests

    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        incoming = component.artifact(classifier=jar.classifier).resolve()
    except (requests.RequestException, RuntimeError, OSError) as error:
        advice = UNTRUSTED if is_about_a_certificate(str(error)) else "Run the command again when the network is back."
        raise UnavailableError(
            f"{jar.coordinate} could not be downloaded ({type(error).__name__}: {error}). What came so far is kept. "
            f"{advice}"
        ) from error
    if _digest(incoming) != jar.sha256:
        raise ConfigurationError(
            f"{jar.coordinate} came with other bytes than those that were locked and was thrown away. "
            "Something on the way changes downloads: look at the proxy, then run the command again."
        )
    target = folder / jar.path
    target.parent.mkdir(parents=True, exist_ok=True)
    # Another clone may fetch into this cache right now: a jar appears whole or not at all.
    incoming.replace(target)


def _context(folder: Path) -> MavenContext:
    from jgo.maven import MavenContext

    return MavenContext(repo_cache=folder, timeout=60)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cache(cache: Path | None) -> Path:
    return (cache or load_settings().jar_cache).expanduser()


def main(arguments: Sequence[str]) -> int:
    """`fetch` or `lock` for the Makefile, `class-path NAME` for the image."""
    try:
        match arguments:
            case ["lock"]:
                write_locks()
            case ["class-path", name]:
                print(":".join(str(path) for path in class_path(name)))
            case _:
                fetch()
    except EcomError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
