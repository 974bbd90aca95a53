"""One JVM of each kind that we run, started with its own options and class path: for `ecom doctor`.

A Java that prints its version may still lack a module or memory, and a jar that is as it was locked may not fit.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ecom_platform.environment import inherited
from ecom_platform.errors import ConfigurationError, EcomError
from ecom_platform.local import hdfs, kafka
from ecom_platform.local.instance import Instance
from ecom_platform.runtime.jars import class_path
from ecom_platform.runtime.java import find_java
from ecom_platform.settings import Settings
from ecom_platform.streaming.starts import last_reasons

KINDS = ("Kafka", "HDFS", "Spark")
ANSWER_SECONDS = 90.0
_VERSION = re.compile(r"^(?:Hadoop |.*version )?(\d+\.\d+\.\d+)", re.MULTILINE)


@dataclass(frozen=True)
class JvmCheck:
    """What the JVM of one kind answered: its version, or why it did not."""

    kind: str
    version: str
    problem: str = ""


def try_jvms(settings: Settings, instance: Instance, kinds: Sequence[str] = KINDS) -> list[JvmCheck]:
    """Start one of each kind, side by side; the folders of the instance must exist."""
    commands = dict(zip(KINDS, (_kafka, _hdfs, _spark), strict=True))
    with ThreadPoolExecutor(len(kinds)) as pool:
        return list(pool.map(lambda kind: _try(kind, commands[kind], settings, instance), kinds))


def read_answer(kind: str, code: int, said: str) -> JvmCheck:
    """Its version, or the last thing it said."""
    version = _VERSION.search(said)
    if code == 0 and version is not None:
        return JvmCheck(kind, version[1])
    reasons = last_reasons([line.strip() for line in said.splitlines() if line.strip()])
    return JvmCheck(kind, "", f"exit code {code}: {reasons[-300:] or 'it said nothing'}")


def _kafka(settings: Settings, instance: Instance) -> Sequence[str]:
    return [*kafka.java(settings, instance), "kafka.Kafka", "--version"]


def _hdfs(settings: Settings, instance: Instance) -> Sequence[str]:
    return [*hdfs.java(settings, instance), "org.apache.hadoop.util.VersionInfo"]


def _spark(settings: Settings, instance: Instance) -> Sequence[str]:
    from ecom_platform.tabular.spark_session import driver_options

    class_path("spark-kafka", settings.jar_cache)
    options = driver_options(settings, instance.temporary)
    given = [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    return [str(_pyspark() / "bin" / "spark-submit"), *given, "--version"]


def _pyspark() -> Path:
    package = find_spec("pyspark")
    if package is None or package.origin is None:
        raise ConfigurationError("PySpark is not installed. Install ecom-platform again.")
    return Path(package.origin).parent


def _try(
    kind: str, command: Callable[[Settings, Instance], Sequence[str]], settings: Settings, instance: Instance
) -> JvmCheck:
    try:
        java = find_java(settings.java_home)
        env = {**inherited(os.environ), **java.spark_environment, "SPARK_LOCAL_IP": "127.0.0.1"}
        done = subprocess.run(
            command(settings, instance),
            cwd=instance.home,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (EcomError, OSError) as error:
        return JvmCheck(kind, "", str(error))
    except subprocess.TimeoutExpired:
        return JvmCheck(kind, "", f"no answer within {ANSWER_SECONDS:.0f} seconds")
    return read_answer(kind, done.returncode, done.stdout.decode(errors="replace"))
