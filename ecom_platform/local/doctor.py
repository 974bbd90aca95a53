"""`ecom doctor`: what would keep the platform from running here, each with its fix."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ecom_platform.errors import ConfigurationError
from ecom_platform.local import endpoints
from ecom_platform.local.instance import Instance
from ecom_platform.local.jvm_checks import try_jvms
from ecom_platform.local.limits import hard_limits, shortfalls
from ecom_platform.local.memory import available_bytes
from ecom_platform.local.mongod import find_mongod, library_environment
from ecom_platform.local.platform import SERVERS
from ecom_platform.local.processes import processes
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.runtime import jars
from ecom_platform.runtime.java import find_java
from ecom_platform.runtime.machine import NEEDED_DISK_BYTES, trouble_with_user
from ecom_platform.settings import Settings

NEEDED_MEMORY_BYTES = 4 * 1024**3  # Kafka, mongod, HDFS, a Spark driver, Dagster and the dashboard


@dataclass(frozen=True)
class Finding:
    """The result of one check; `fix` says what to do when it is not ok."""

    check: str
    ok: bool
    found: str
    fix: str = ""


def doctor(settings: Settings) -> list[Finding]:
    """Run every check; the home is created when it is missing, nothing else is changed."""
    instance = Instance.of(settings)
    checks: list[Callable[[], Finding]] = [
        _python,
        _user,
        lambda: _java(settings),
        lambda: _jars(settings),
        lambda: _mongod(settings),
        lambda: memory_finding(available_bytes()),
        _limits,
        lambda: _disk(instance),
        lambda: _writable(instance),
        lambda: _ports(settings, instance),
        lambda: _processes(instance),
    ]
    return [*(check() for check in checks), *_jvms(settings, instance)]


def memory_finding(available_bytes: int) -> Finding:
    """Whether this much free memory is enough for the demo."""
    gb = available_bytes / 1024**3
    enough = available_bytes >= NEEDED_MEMORY_BYTES
    return Finding(
        "memory", enough, f"{gb:.1f} GB available", "" if enough else "End other programs: the demo needs about 4 GB."
    )


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    return Finding("python", ok, sys.version.split()[0], "" if ok else "Install Python 3.11 or newer, `make setup`.")


def _user() -> Finding:
    trouble = trouble_with_user(os.geteuid())
    return Finding("user", not trouble, str(os.geteuid()), trouble)


def _java(settings: Settings) -> Finding:
    try:
        java = find_java(settings.java_home)
    except ConfigurationError as error:
        return Finding("java", ok=False, found="no usable Java", fix=str(error))
    return Finding("java", ok=True, found=f"Java {java.version} in {java.home}")


def _jvms(settings: Settings, instance: Instance) -> list[Finding]:
    """Nothing where the checks before have said what is missing."""
    if not (_java(settings).ok and _jars(settings).ok and _writable(instance).ok):
        return []
    return [
        Finding(f"{tried.kind} JVM", ok=True, found=f"starts, version {tried.version}")
        if not tried.problem
        else Finding(
            f"{tried.kind} JVM",
            ok=False,
            found=tried.problem,
            fix="Name another Java with ECOM_JAVA_HOME, or give it the memory it asks for (ECOM_SPARK_DRIVER_MEMORY).",
        )
        for tried in try_jvms(settings, instance)
    ]


def _jars(settings: Settings) -> Finding:
    try:
        count = sum(len(jars.class_path(name, settings.jar_cache)) for name in jars.CLASS_PATHS)
    except ConfigurationError as error:
        return Finding("jars", ok=False, found="missing or damaged", fix=str(error))
    return Finding("jars", ok=True, found=f"{count} jars as locked in {settings.jar_cache.expanduser()}")


def _mongod(settings: Settings) -> Finding:
    try:
        program = find_mongod(settings)
        with tempfile.TemporaryDirectory(prefix="ecom-doctor-") as folder:
            libraries = library_environment(program, Path(folder))
            answer = _version_of(program, libraries)
    except ConfigurationError as error:
        return Finding("mongod", ok=False, found="none that runs", fix=str(error))
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("mongod", ok=False, found=f"{program}: {error}", fix="Name another one with ECOM_MONGOD.")
    if answer.returncode != 0:
        found = f"{program} does not run: {answer.stderr.strip()[-200:]}"
        return Finding("mongod", ok=False, found=found, fix="Name another one with ECOM_MONGOD.")
    lent = ", with libraries of the package pycurl" if libraries else ""
    return Finding("mongod", ok=True, found=f"{answer.stdout.splitlines()[0]} in {program}{lent}")


def _version_of(program: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "--version"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def _limits() -> Finding:
    low = shortfalls(hard_limits())
    fix = "Raise them, for example in /etc/security/limits.conf, and log in again." if low else ""
    return Finding("limits", ok=not low, found="; ".join(low) or "enough files, memory and room are allowed", fix=fix)


def _disk(instance: Instance) -> Finding:
    place = next(folder for folder in (instance.home, *instance.home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    ok = free >= NEEDED_DISK_BYTES
    fix = "" if ok else "Free some space, or set ECOM_HOME to a folder on another disk: about 3 GB are needed."
    return Finding("disk", ok, f"{free / 1024**3:.1f} GB free under {place}", fix)


def _writable(instance: Instance) -> Finding:
    try:
        instance.create()
        instance.refuse_noexec()
    except ConfigurationError as error:
        return Finding("home", ok=False, found=str(instance.home), fix=str(error))
    return Finding("home", ok=True, found=str(instance.home))


def _ports(settings: Settings, instance: Instance) -> Finding:
    if processes(instance):
        return Finding("ports", ok=True, found="in use by this instance")
    names = [
        name for server in SERVERS if endpoints.is_ours(server.address, settings, instance) for name in server.ports
    ]
    busy = [name for name in names if getattr(settings, name) and not endpoints.port_is_free(getattr(settings, name))]
    if not busy:
        return Finding("ports", ok=True, found=f"{len(names)} free")
    settings_of = ", ".join(f"ECOM_{name.upper()} ({getattr(settings, name)})" for name in busy)
    return Finding("ports", ok=False, found=f"in use: {settings_of}", fix="Set other ports; 0 takes a free one.")


def _processes(instance: Instance) -> Finding:
    found = processes(instance)
    if not found or Supervisord(instance).alive():
        return Finding("processes", ok=True, found=f"{len(found)} of this instance")
    numbers = ", ".join(str(process.pid) for process in found)
    return Finding("processes", ok=False, found=f"left behind by a killed run: {numbers}", fix="Run `ecom down`.")
