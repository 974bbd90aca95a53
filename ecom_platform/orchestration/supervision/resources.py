"""What the supervisor gets from Dagster: a way to start the streaming job, and its intervals."""

from __future__ import annotations

import dagster as dg

from ecom_platform.orchestration.names import STREAM_LOG
from ecom_platform.orchestration.supervision.supervisor import Pace
from ecom_platform.settings import Settings
from ecom_platform.streaming.child import Child, ProcessGroup


class StreamLauncher(dg.ConfigurableResource[None]):
    """Starts the streaming job as a child process that dies with its parent."""

    def start(self, settings: Settings, token: int, *, available_now: bool = False) -> Child:
        """Start the job under a fence token; `available_now` ends it when the backlog is applied."""
        from ecom_platform.streaming.process import StreamCommand, start_stream

        log_file = settings.logs / STREAM_LOG
        log_file.parent.mkdir(parents=True, exist_ok=True)
        command = StreamCommand(token=token, available_now=available_now)
        return ProcessGroup(start_stream(settings, command, log_file), log_file)


class SupervisorPace(dg.ConfigurableResource[Pace]):
    """The supervisor's intervals in seconds; `supervisor.Pace` explains them."""

    lease_seconds: float = 20.0
    check_seconds: float = 5.0
    heartbeat_seconds: float = 60.0
    first_restart_seconds: float = 1.0
    longest_restart_seconds: float = 60.0
    healthy_seconds: float = 300.0
    grace_seconds: float = 20.0
    hung_seconds: float = 180.0

    def pace(self) -> Pace:
        """As the supervisor takes it."""
        return Pace(
            check_seconds=self.check_seconds,
            heartbeat_seconds=self.heartbeat_seconds,
            first_restart_seconds=self.first_restart_seconds,
            longest_restart_seconds=self.longest_restart_seconds,
            healthy_seconds=self.healthy_seconds,
            grace_seconds=self.grace_seconds,
            hung_seconds=self.hung_seconds,
        )
