"""A Dagster run as the archiver: under the archiver's lease, step by step in the run's log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import dagster as dg

from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.runs.ending import end_if_asked, owner_of

if TYPE_CHECKING:
    from ecom_platform.archive.archiver_lease import Archiver

# Whether the run was cancelled stands in Dagster's storage, and a purge reports progress many times a second.
LOOK_SECONDS: Final = 2.0


@contextmanager
def archiver_of(context: dg.OpExecutionContext, platform: Platform) -> Iterator[Archiver]:
    """Hold the archiver's role for this run; its steps are logged, and a cancelled run ends between two of them.

    Raises Fenced, UnavailableError, ConfigurationError as `held_archiver`.
    """
    from ecom_platform.archive.archiver_lease import held_archiver

    looked = 0.0

    def progress(step: str, done: int, total: int) -> None:
        nonlocal looked
        if time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            end_if_asked(context)
        if done >= total:
            context.log.info("The archive run is %s.", step)

    with (
        platform.database() as db,
        held_archiver(
            platform.settings(), db, owner=owner_of(context), run_id=context.run_id, progress=progress
        ) as archiver,
    ):
        yield archiver
