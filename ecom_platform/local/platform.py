"""`ecom up`, `down` and `reset`: the three servers as one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import psutil

from ecom_platform import scratch
from ecom_platform.errors import ConfigurationError, EcomError, UnavailableError
from ecom_platform.files import size_of, text_since
from ecom_platform.local import endpoints, processes
from ecom_platform.local.demo_programs import PORTS, companions
from ecom_platform.local.hdfs import HDFS
from ecom_platform.local.instance import Instance
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.limits import hard_limits, refuse_low_limits
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.local.programs import Program
from ecom_platform.local.remedies import remedy
from ecom_platform.local.server import Server, log_tail, reason_of
from ecom_platform.local.stopping import Progress, end_everything
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.runtime import jars
from ecom_platform.runtime.machine import refuse_nameless_user
from ecom_platform.settings import Settings

SERVERS = (KAFKA, MONGODB, HDFS)
READY_SECONDS = 180.0  # a busy machine takes a minute for what takes 6 seconds on an idle one
JARS_AT_A_TIME = 40
LIVES = 2  # one that may just have been killed, and one that takes over; a third will not do better


def _silent(part: str, what: str) -> None:
    del part, what


@dataclass(frozen=True)
class Claim:
    """An instance whose ports are chosen and recorded, and whose programs the process manager knows.

    Attributes:
        settings: with the addresses and ports in force.
        programs: of the servers that are ours to start, by their key.
    """

    settings: Settings
    manager: Supervisord
    programs: Mapping[str, Sequence[Program]]


def up(settings: Settings, progress: Progress = _silent, servers: Sequence[Server] = SERVERS) -> Settings:
    """Start what is not named by the settings and does not run yet; make the topic and the collections.

    Returns:
        The settings with the addresses and ports in force; they are also recorded for `load_settings`.

    Raises:
        ConfigurationError: no Java, a missing jar, a busy port, a wrong address; nothing new was started.
        UnavailableError: a server did not come up; the others stay up and a second `up` goes on.
    """
    with Instance.of(settings).locked():
        claimed = claim(settings, progress, servers)
        with ThreadPoolExecutor(len(servers) or 1) as pool:
            steps = [pool.submit(bring_up, server, claimed, progress) for server in servers]
        for step in steps:
            step.result()
    return claimed.settings


def claim(
    settings: Settings,
    progress: Progress = _silent,
    servers: Sequence[Server] = SERVERS,
    *,
    companion_ports: Sequence[str] = (),
) -> Claim:
    """Choose the ports, refuse busy ones, and make the programs known to the process manager; call it locked.

    Args:
        companion_ports: settings of the ports of other programs that must be free as well.

    Raises:
        ConfigurationError: as `up`; nothing new was started.
    """
    refuse_low_limits(hard_limits())
    refuse_nameless_user()
    _fetch_jars(settings, progress)
    instance = Instance.of(settings)
    instance.refuse_noexec()
    if instance.deleted.exists():
        progress("all", "ending a reset that was interrupted")
        _delete_everything(instance)
        instance.create()
    ours = [server for server in servers if endpoints.is_ours(server.address, settings, instance)]
    manager = Supervisord(instance)
    if not manager.alive():
        _end_leftovers(instance, progress)
        scratch.clear(instance.temporary)
    settings = _with_addresses(settings, instance, ours)
    programs = {server.key: server.programs(settings, instance) for server in ours}
    _refuse_busy_ports(settings, ours, manager, companion_ports)
    endpoints.write(instance, _recorded(settings, ours))
    # The demo's programs are always known, so that `ecom up` beside a running demo does not end them.
    manager.apply([*(program for group in programs.values() for program in group), *companions(settings, instance)])
    return Claim(settings, manager, programs)


def down(settings: Settings, progress: Progress = _silent, *, by: str = "ecom down") -> int:
    """End everything this instance started, and nothing else. Dagster's runs are ended first, as stopped by `by`.

    Returns:
        How many processes that were; 0 when nothing ran.
    """
    instance = Instance.of(settings)
    if not instance.home.exists():
        return 0
    with instance.locked():
        found = processes.processes(instance)
        if found:
            progress("all", f"stopping {len(found)} processes")
        end_everything(_recorded_settings(settings, instance), instance, progress, by)
        instance.socket.unlink(missing_ok=True)
        endpoints.forget_addresses(instance)
    return len(found)


def reset(settings: Settings, progress: Progress = _silent) -> None:
    """Stop everything and delete all local data, logs and recorded ports of this instance.

    Raises:
        ConfigurationError: the folder is not one that `ecom up` made.
    """
    instance = Instance.of(settings)
    if not instance.home.exists():
        return
    if not instance.run.exists() and any(instance.home.iterdir()):
        raise ConfigurationError(
            f"{instance.home} holds files but no instance, so nothing was deleted. Is ECOM_HOME what you meant?"
        )
    down(settings, progress)
    with instance.locked():
        _delete_everything(instance)
        shutil.rmtree(instance.run)
    with suppress(OSError):  # a mounted volume stays, and so does a folder within one that is not ours
        instance.home.rmdir()


def _delete_everything(instance: Instance) -> None:
    """Delete all that is in the home but its lock; call it locked.

    Data, passwords and ledger fit together, so they are set aside together, and deleted from there. What a kill leaves
    of them is deleted by the next `reset`, or by the next command that starts something.
    """
    instance.deleted.mkdir(exist_ok=True)
    kept = (instance.run, instance.lock, instance.deleted)
    for path in (*instance.home.iterdir(), *instance.run.iterdir()):
        if path in kept:
            continue
        try:
            path.rename(instance.deleted / path.name)
        except OSError:  # a volume that is mounted there
            shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(instance.deleted)


def _fetch_jars(settings: Settings, progress: Progress) -> None:
    """What `make setup` has done in a clone: the first start from a wheel does it."""
    if not jars.missing(cache=settings.jar_cache):
        return

    def say(done: int, total: int) -> None:
        if done == total or done % JARS_AT_A_TIME == 0:
            progress("Jars", f"{done} of {total} fetched into {settings.jar_cache.expanduser()}")

    progress("Jars", "fetching those of Kafka, HDFS and Spark: once for all instances, about 130 MB")
    jars.fetch(cache=settings.jar_cache, progress=say)


def _with_addresses(settings: Settings, instance: Instance, ours: Sequence[Server]) -> Settings:
    names = [*(name for server in ours for name in server.ports), *PORTS]
    ports = endpoints.choose_ports(settings, names, endpoints.read(instance))
    settings = settings.model_copy(update={"home": instance.home, **ports})
    addresses = {server.address: server.address_of(settings) for server in ours}
    credentials = {server.credentials: instance.credentials for server in ours if server.credentials}
    return settings.model_copy(update={**addresses, **credentials})


def _recorded_settings(settings: Settings, instance: Instance) -> Settings:
    """The settings with the addresses that the instance has recorded, where they name none."""
    recorded = endpoints.read(instance).items()
    known = {name: value for name, value in recorded if name in Settings.model_fields}
    absent = {name: value for name, value in known.items() if not getattr(settings, name)}
    return Settings(**{**dict(settings), **absent})  # makes paths of what stands there as text


def _recorded(settings: Settings, ours: Sequence[Server]) -> dict[str, object]:
    names = [*(name for server in ours for name in (server.address, *server.ports)), *PORTS]
    folders = {server.credentials: str(getattr(settings, server.credentials)) for server in ours if server.credentials}
    return {name: getattr(settings, name) for name in names} | folders


def _refuse_busy_ports(
    settings: Settings, ours: Sequence[Server], manager: Supervisord, companion_ports: Sequence[str]
) -> None:
    """Raise while nothing has been touched, so that the message of a JVM need not be understood."""
    running = _running(manager)
    recorded = endpoints.read(manager.instance)
    busy = []
    for server in ours:
        for name in server.ports:
            port = getattr(settings, name)
            own = server.key in running and recorded.get(name) == port
            if not own and not endpoints.port_is_free(port):
                busy.append(f"port {port} of {server.title} is in use{_by_whom(port)} (ECOM_{name.upper()})")
    for name in companion_ports:
        port = getattr(settings, name)
        if not endpoints.port_is_free(port):
            busy.append(f"port {port} is in use{_by_whom(port)} (ECOM_{name.upper()})")
    if busy:
        raise ConfigurationError(
            f"{'; '.join(busy)}. Nothing was started. End that program, or set the variable in brackets to another "
            "port; 0 takes a free one. An existing server can be used instead: "
            + ", ".join(f"ECOM_{server.address.upper()}" for server in ours)
            + "."
        )


def _running(manager: Supervisord) -> set[str]:
    """The keys of the servers of which a program runs."""
    try:
        states = manager.states().values()
    except UnavailableError:
        return set()
    alive = {state.name for state in states if state.state in ("STARTING", "RUNNING", "STOPPING")}
    return {server.key for server in SERVERS if alive.intersection(server.program_names)}


def _by_whom(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr[1:] == (port,):
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""  # macOS tells this to root only
    return ""


def bring_up(server: Server, claimed: Claim, progress: Progress) -> None:
    """Start one server of a claim, or look at the named one, until it answers; make the topic or the collections.

    Raises:
        UnavailableError: it did not come up.
    """
    started = time.monotonic()
    settings, manager, programs = claimed.settings, claimed.manager, claimed.programs.get(server.key)
    if programs is None:
        _check_named(server, settings)
    else:
        progress(server.title, "starting")
        server.prepare(settings, manager.instance)
        said_before = {program.name: size_of(program.log_file(manager.instance)) for program in programs}
        for program in programs:
            manager.start(program.name)
        _await_ready(server, settings, manager, programs, said_before)
    server.provision(settings)
    progress(server.title, f"ready at {getattr(settings, server.address)} after {time.monotonic() - started:.1f} s")


def _check_named(server: Server, settings: Settings) -> None:
    try:
        server.check(settings, 5.0)
    except EcomError as error:
        raise type(error)(
            f"{reason_of(error)}. It is named by ECOM_{server.address.upper()}; nothing of it was changed. Correct the "
            "setting, start that server, or unset it to get a local one."
        ) from error


def _await_ready(
    server: Server,
    settings: Settings,
    manager: Supervisord,
    programs: Sequence[Program],
    said_before: Mapping[str, int],
) -> None:
    deadline = time.monotonic() + READY_SECONDS
    lives: dict[str, set[int]] = {program.name: set() for program in programs}
    while True:
        reason = server.not_ready(settings)
        if reason is None:
            return
        states = manager.states()
        for name, pids in lives.items():
            pids.update({states[name].pid or 0} - {0})
        dead = next((p for p in programs if states[p.name].failed or len(lives[p.name]) > LIVES), None)
        if dead is not None or time.monotonic() > deadline:
            raise _failed_start(server, manager, programs, dead, reason, said_before)
        time.sleep(0.15)


def _failed_start(
    server: Server,
    manager: Supervisord,
    programs: Sequence[Program],
    dead: Program | None,
    reason: str,
    said_before: Mapping[str, int],
) -> EcomError:
    for program in programs:
        manager.stop(program.name)
    log = (dead or programs[0]).log_file(manager.instance)
    advice = remedy(server.key, text_since(log, said_before[dead.name])) if dead else None
    if advice:
        return ConfigurationError(
            f"{server.title} died. {advice} It was stopped; the other servers stay up. Its log is {log}."
        )
    what = f"died: {log_tail(log)}" if dead else f"was not ready after {READY_SECONDS:.0f} seconds: {reason}."
    return UnavailableError(
        f"{server.title} {what} It was stopped; the other servers stay up. See {log} and run `ecom doctor`, "
        "then `ecom up` again."
    )


def _end_leftovers(instance: Instance, progress: Progress) -> None:
    """End servers whose manager was killed: no manager watches them, and their data folders are in use."""
    left = processes.processes(instance)
    if left:
        progress("all", f"ending {len(left)} processes that a killed run left behind")
        processes.end(left)
