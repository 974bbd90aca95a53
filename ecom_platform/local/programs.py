"""What the process manager runs, and its configuration file: pure functions of the settings.

Programs run in the home unless they name a folder, and the paths in the file are relative to it: what reads some of
them expands percent signs twice, and the path of a socket must be short.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ecom_platform.local.instance import Instance
from ecom_platform.local.limits import hard_limits, open_files
from ecom_platform.local.sockets import listening_path

LOG_BYTES = 10 * 1024 * 1024
LOG_BACKUPS = 3


@dataclass(frozen=True)
class Program:
    """One long-running program.

    Programs with a lower `priority` are stopped later. `alive_seconds` is how long it must live to count as started.
    `configuration` is the text of the files it reads at its start: when that changes, it is restarted.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    priority: int = 100
    alive_seconds: int = 1
    stop_seconds: int = 30
    restart: bool = True
    configuration: str = ""

    def log_file(self, instance: Instance) -> Path:
        """Where its output goes."""
        return instance.logs / f"{self.name}.log"


def render(instance: Instance, programs: Sequence[Program]) -> str:
    """The configuration of the process manager: its socket (owner only), its log, and the programs."""
    sections = [
        _section("unix_http_server", {"file": listening_path(instance), "chmod": "0700"}),
        _section(
            "supervisord",
            {
                "logfile": instance.logs.name + "/supervisord.log",
                "logfile_maxbytes": LOG_BYTES,
                "logfile_backups": 1,
                "pidfile": instance.run.name + "/supervisord.pid",
                "childlogdir": instance.logs.name,
                "umask": "077",
                "minfds": open_files(hard_limits()),
            },
        ),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program(instance, program) for program in programs),
    ]
    return "\n".join(sections)


def _program(instance: Instance, program: Program) -> str:
    values: dict[str, object] = {
        "command": shlex.join(program.argv),
        "priority": program.priority,
        "autostart": "false",  # each is started when what it needs is ready
        "autorestart": "true" if program.restart else "false",
        "startsecs": program.alive_seconds,
        "startretries": 10,
        "stopasgroup": "true",
        "killasgroup": "true",
        "stopwaitsecs": program.stop_seconds,
        "redirect_stderr": "true",
        "stdout_logfile": program.log_file(instance).relative_to(instance.home),
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": LOG_BACKUPS,
    }
    if program.folder is not None:
        values["directory"] = program.folder
    digest = hashlib.sha256(program.configuration.encode()).hexdigest()[:16]
    environment = {**program.environment, "ECOM_CONFIGURATION": digest}
    values["environment"] = ",".join(f"{name}={_quoted(value)}" for name, value in environment.items())
    return _section(f"program:{program.name}", values)


def _section(name: str, values: Mapping[str, object]) -> str:
    lines = [f"{key} = {_escaped(str(value))}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _escaped(value: str) -> str:
    return value.replace("%", "%%")  # the file format expands %(name)s


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
