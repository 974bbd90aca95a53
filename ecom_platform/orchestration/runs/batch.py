"""Runs of the batch pool: nice to whoever works live."""

from __future__ import annotations

import os

import dagster as dg


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
