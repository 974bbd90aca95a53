"""What the local platform asks of Dagster: a prepared instance, and runs that end before their code server does."""

from __future__ import annotations

from collections.abc import Callable

from ecom_platform.errors import EcomError
from ecom_platform.settings import Settings
from ecom_platform.store import open_database, set_intent
from ecom_platform.store.leases import STREAM_ROLE


def prepare(settings: Settings) -> None:
    """Make the instance's storage in one process, and end runs whose workers died with an earlier start."""
    from ecom_platform.orchestration import instance as dagster_instance
    from ecom_platform.orchestration.instance import storage_errors
    from ecom_platform.orchestration.runs.recovery import fail_dead_runs

    home = dagster_instance.prepare(settings, settings.dagster_grpc_port)
    with storage_errors(home), dagster_instance.open_instance(home) as instance:
        fail_dead_runs(instance)


def set_desired_state(settings: Settings, *, running: bool, by: str, reason: str) -> None:
    """Record whether the stream shall run. Raises UnavailableError."""
    with open_database(settings) as db:
        set_intent(db, STREAM_ROLE, "running" if running else "stopped", by=by, reason=reason)


def forbid_stream(settings: Settings, by: str) -> str | None:
    """Record that the stream shall not run, before anything of it ends: else it would be started again.

    Returns:
        None, or why it could not be recorded.
    """
    try:
        set_desired_state(settings, running=False, by=by, reason="everything is being stopped")
    except EcomError as error:
        return str(error)
    return None


def end_runs(settings: Settings, by: str, between: Callable[[], None]) -> str | None:
    """End all runs, while the code server can still pass the word on; look twice, with `between` in between.

    Returns:
        None, or why it could not be done; the processes are then ended like any other.
    """
    try:
        from ecom_platform.orchestration.instance import home_of, open_instance
        from ecom_platform.orchestration.runs.recovery import stop_runs

        with open_instance(home_of(settings)) as instance:
            stop_runs(instance, by)
            between()
            left = stop_runs(instance, by).left
    except Exception as error:  # noqa: BLE001 - a courtesy: where it fails, the processes must still be ended
        return str(error)
    return f"{len(left)} runs did not end in time" if left else None
