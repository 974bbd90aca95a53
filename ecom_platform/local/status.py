"""`ecom status`: what is up, where, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psutil

from ecom_platform.errors import EcomError, UnavailableError
from ecom_platform.kafka.held import held_sentence
from ecom_platform.local import endpoints
from ecom_platform.local.instance import Instance
from ecom_platform.local.platform import SERVERS
from ecom_platform.local.processes import processes
from ecom_platform.local.server import Server, reason_of
from ecom_platform.local.supervisord import ProgramState, Supervisord
from ecom_platform.settings import Settings
from ecom_platform.store.client import open_database, without_password
from ecom_platform.streaming.lag import read_lag

SUSPENDED: Final = "SUSPENDED"
ANSWER_SECONDS = 3.0
ADDRESS_NAMES = {"kafka": "bootstrap_servers", "mongodb": "uri", "hdfs": "uri"}


def status(settings: Settings, servers: Sequence[Server] = SERVERS) -> dict[str, Any]:
    """Ask every server whether it answers, side by side.

    Returns:
        Per server `up`, its address (passwords hidden), `local` (ours to start), and `reason` when it is down; then
        `programs` (name to state and pid; empty when the process manager is down), `unsupervised`, the process
        numbers that a killed run left behind, and `stream`: `lag` and `held_back` in events and `words`, only the
        words where the lag cannot be read, None while Kafka or MongoDB is down.
    """
    instance = Instance.of(settings)
    with ThreadPoolExecutor(len(servers) or 1) as pool:
        reasons = list(pool.map(lambda server: _reason(server, settings), servers))
    found = {
        server.key: _described(server, settings, instance, reason)
        for server, reason in zip(servers, reasons, strict=True)
    }
    stores_up = all(found.get(key, {}).get("up") for key in ("kafka", "mongodb"))
    programs = _programs(instance)
    left = [] if programs is not None else [process.pid for process in processes(instance)]
    return {
        **found,
        "stream": _stream(settings) if stores_up else None,
        "home": str(instance.home),
        "programs": programs or {},
        "unsupervised": left,
    }


def _reason(server: Server, settings: Settings) -> str | None:
    if not getattr(settings, server.address):
        return "not started"
    try:
        server.check(settings, ANSWER_SECONDS)
    except EcomError as error:
        return reason_of(error)
    return None


def _described(server: Server, settings: Settings, instance: Instance, reason: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "up": reason is None,
        ADDRESS_NAMES[server.key]: without_password(getattr(settings, server.address)),
        "local": endpoints.is_ours(server.address, settings, instance),
    }
    if server.key == "mongodb":
        row["database"] = settings.mongodb_database
    if reason is not None:
        row["reason"] = reason
    return row


def _stream(settings: Settings) -> dict[str, Any]:
    try:
        with open_database(settings, timeout_seconds=ANSWER_SECONDS) as db:
            lag = read_lag(settings, db, ANSWER_SECONDS)
    except EcomError as error:
        return {"words": f"lag unknown: {reason_of(error)}"}
    words = f"{lag.total:,} events behind. {held_sentence(lag.held)}".rstrip()
    return {"lag": lag.total, "held_back": sum(one.events for one in lag.held), "words": words}


def _programs(instance: Instance) -> dict[str, dict[str, Any]] | None:
    """The process manager's view; None when it does not run."""
    try:
        states = Supervisord(instance).states()
    except UnavailableError:
        return None
    return {name: {"state": _state(state), "pid": state.pid} for name, state in states.items()}


def _state(program: ProgramState) -> str:
    """What the process manager says, but for a process that was stopped by a signal: it runs, and does nothing."""
    try:
        stopped = program.pid is not None and psutil.Process(program.pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return program.state  # ended meanwhile
    return SUSPENDED if stopped else program.state
