"""How a Dagster run gets MongoDB and the stream's lease: patiently, but never past its own cancellation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import dagster as dg

from ecom_platform.errors import Fenced, UnavailableError
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform
from ecom_platform.orchestration.runs.ending import end_if_asked
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.leases import STREAM_ROLE, Lease

RETRY_SECONDS = 1.0


@contextmanager
def patient_database(context: dg.OpExecutionContext, platform: Platform) -> Iterator[MongoDatabase]:
    """The database, waited for as long as the run is not asked to end: a server that restarts is no failure."""
    with ExitStack() as stack:
        while True:
            try:
                db = stack.enter_context(platform.database(SHORT_SECONDS))
                break
            except UnavailableError as error:
                context.log.warning(str(error))
                end_if_asked(context)
                time.sleep(RETRY_SECONDS)
        yield db


def try_lease(context: dg.OpExecutionContext, db: MongoDatabase, ttl_seconds: float) -> Lease:
    """Take the stream's lease for this run, or raise Fenced, UnavailableError."""
    owner = f"Dagster run {context.run_id[:8]}"
    return Lease.acquire(db, STREAM_ROLE, owner, run_id=context.run_id, ttl_seconds=ttl_seconds)


def take_lease(context: dg.OpExecutionContext, db: MongoDatabase, ttl_seconds: float) -> Lease:
    """Take the lease; wait for a predecessor's to run out. Raises Fenced when somebody keeps renewing it."""
    deadline = time.monotonic() + ttl_seconds + 5.0
    while True:
        end_if_asked(context)
        try:
            return try_lease(context, db, ttl_seconds)
        except UnavailableError as error:
            context.log.warning(str(error))
        except Fenced:
            if time.monotonic() > deadline:
                raise
        time.sleep(RETRY_SECONDS)
