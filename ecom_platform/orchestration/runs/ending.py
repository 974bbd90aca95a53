"""How a run learns that it is asked to end."""

from __future__ import annotations

import logging

import dagster as dg

LOG = logging.getLogger(__name__)


def run_ending(context: dg.OpExecutionContext) -> str | None:
    """Why this run should end, as far as Dagster's storage knows; None also when it cannot be read now.

    A cancel normally arrives as a signal. It cannot after the code server was replaced: the new one does not know this
    process, so the status is all that tells.
    """
    try:
        run = context.instance.get_run_by_id(context.run_id)
    except Exception:
        # A locked database file, say. The next look is seconds away, a wrong end would cost a restart.
        LOG.warning("The status of run %s cannot be read now", context.run_id, exc_info=True)
        return None
    if run is None:
        return "The run was deleted."
    if run.is_finished or run.status is dg.DagsterRunStatus.CANCELING:
        return f"The run is {run.status.value}."
    return None


def end_if_asked(context: dg.OpExecutionContext) -> None:
    """Raise what a cancel raises, when this run is being cancelled or was already reported as ended."""
    if (reason := run_ending(context)) is not None:
        raise dg.DagsterExecutionInterruptedError(reason)
