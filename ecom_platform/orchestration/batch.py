"""Runs of the batch pool: nice to whoever works live, and holding the archiver's role in Dagster's name."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import dagster as dg

from ecom_platform.orchestration.holding import end_if_asked
from ecom_platform.orchestration.resources import Platform

if TYPE_CHECKING:
    from ecom_platform.archive.holding import Archiver

__all__ = ["Batch", "archiver_of", "owner_of"]

# Whether the run was cancelled stands in Dagster's storage, and a purge reports progress many times a second.
LOOK_SECONDS: Final = 2.0


class Batch(dg.ConfigurableResource[None]):
    """How batch runs behave on a machine that also runs the stream."""

    niceness: int = 10

    def be_nice(self) -> None:
        """Step back behind the stream, once per process; the JVM that this process starts inherits it."""
        missing = self.niceness - os.nice(0)
        if missing > 0:
            os.nice(missing)


def owner_of(context: dg.OpExecutionContext) -> str:
    """The run, as leases name their holder."""
    return f"Dagster run {context.run_id[:8]}"


@contextmanager
def archiver_of(context: dg.OpExecutionContext, platform: Platform) -> Iterator[Archiver]:
    """Hold the archiver's role for this run; its steps are logged, and a cancelled run ends between two of them.

    Raises Fenced, UnavailableError, ConfigurationError as `held_archiver`.
    """
    from ecom_platform.archive.holding import held_archiver

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
