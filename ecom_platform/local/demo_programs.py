"""The programs of the demo beside the three servers: simulator, Dagster's three, dashboard."""

from __future__ import annotations

import sys
from pathlib import Path

from ecom_platform.local.instance import Instance
from ecom_platform.local.programs import Program
from ecom_platform.project import project_folder
from ecom_platform.settings import Settings

SIMULATOR, CODE_SERVER, DAEMON = "simulator", "dagster-code-server", "dagster-daemon"
WEBSERVER, DASHBOARD = "dagster-webserver", "dashboard"
COMPANIONS = (SIMULATOR, CODE_SERVER, DAEMON, WEBSERVER, DASHBOARD)

PORTS = ("dagster_grpc_port", "dagster_port", "dashboard_port")
"""Settings of the ports that the companions listen on."""

# Two days of history are about 170,000 orders, of which the elder half may leave.
DEMO_HIGH_BYTES = 100_000_000
DEMO_LOW_BYTES = 50_000_000

# What holds nothing is not waited for long: a daemon killed in its tick looks again at the next start, and an open page
# keeps a web server busy. The simulator saves its state first, within its own time.
_SHORT_STOP_SECONDS = 4

_LOOPBACK = "127.0.0.1"


def companions(settings: Settings, instance: Instance) -> list[Program]:
    """The programs, to be stopped before the servers they need; the settings have every port chosen."""
    dagster_home = instance.home / "dagster"
    workspace = str(dagster_home / "workspace.yaml")
    environment = {"ECOM_HOME": str(instance.home), "DAGSTER_HOME": str(dagster_home), **_archive_marks(settings)}

    def program(name: str, *argv: str, priority: int, folder: Path = instance.home, **more: str) -> Program:
        stop_seconds = 30 if name == SIMULATOR else _SHORT_STOP_SECONDS
        return Program(
            name, [sys.executable, "-m", *argv], environment | more, folder, priority, stop_seconds=stop_seconds
        )

    grpc, web = str(settings.dagster_grpc_port), str(settings.dagster_port)
    return [
        program(SIMULATOR, "ecom_platform.local.shop", priority=900),
        program(
            CODE_SERVER,
            *("dagster", "api", "grpc", "-m", "ecom_platform.orchestration.definitions", "-h", _LOOPBACK, "-p", grpc),
            *("--location-name", "ecom_platform"),
            priority=800,
        ),
        program(DAEMON, "dagster._daemon", "run", "-w", workspace, priority=850),
        program(WEBSERVER, "dagster_webserver", "-h", _LOOPBACK, "-p", web, "-w", workspace, priority=850),
        program(
            DASHBOARD,
            *("streamlit", "run", "dashboard/app.py", "--server.address", _LOOPBACK),
            *("--server.port", str(settings.dashboard_port), "--server.headless", "true"),
            priority=900,
            folder=project_folder(),
            # Streamlit also reads ~/.streamlit: another path, certificates and checks of another program.
            HOME=str(instance.temporary),
        ),
    ]


def _archive_marks(settings: Settings) -> dict[str, str]:
    """Marks that a demo passes within minutes, so that one sees the archive at work; a mark that was set stays."""
    demo = {"archive_high_bytes": DEMO_HIGH_BYTES, "archive_low_bytes": DEMO_LOW_BYTES}
    given = {name: getattr(settings, name) for name in demo if name in settings.model_fields_set}
    return {f"ECOM_{name.upper()}": str(value) for name, value in (given or demo).items()}
