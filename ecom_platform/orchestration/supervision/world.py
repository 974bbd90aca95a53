"""What the supervisor stands on: Dagster's run, MongoDB's lease and intent, a child process, the machine's clock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from ecom_platform.errors import EcomError, Fenced, UnavailableError
from ecom_platform.orchestration.code_version import CodeWatch
from ecom_platform.orchestration.resources import SHORT_SECONDS, Platform, StreamLauncher
from ecom_platform.orchestration.runs.ending import end_if_asked, owner_of, run_ending
from ecom_platform.orchestration.supervision import heartbeat
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.desired_state import read_intent, set_intent
from ecom_platform.store.leases import STREAM_ROLE, Lease
from ecom_platform.store.progress import read_progress
from ecom_platform.streaming.child import Child

LOG = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
# Reading every source file costs a few milliseconds; once a minute is soon enough.
CODE_LOOK_SECONDS = 60.0


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
    return Lease.acquire(db, STREAM_ROLE, owner_of(context), run_id=context.run_id, ttl_seconds=ttl_seconds)


def take_lease(context: dg.OpExecutionContext, db: MongoDatabase, ttl_seconds: float) -> Lease:
    """Take the lease; wait for a predecessor's to run out. Raises Fenced when another process keeps renewing it."""
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


@dataclass(slots=True)
class RealWorld:
    """Adapter between `StreamSupervisor` and the programs around it."""

    context: dg.OpExecutionContext
    settings: Settings
    db: MongoDatabase
    lease: Lease
    launcher: StreamLauncher
    code: CodeWatch = field(default_factory=CodeWatch)
    _looked: float = field(default_factory=time.monotonic)
    _moved: float = field(default_factory=time.monotonic)
    _position: int = -1
    _heard: float = 0.0
    _last_beat: datetime | None = None
    _written: heartbeat.Written = field(default_factory=heartbeat.Written)

    def now(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; an interrupt comes out as an exception."""
        time.sleep(seconds)

    def renew(self) -> None:
        """Renew the lease."""
        self.lease.renew()

    def release(self) -> None:
        """Give the lease back; when MongoDB does not answer it runs out by itself."""
        try:
            self.lease.release()
        except UnavailableError as error:
            LOG.warning("The lease was not given back and runs out in %s s: %s", self.lease.ttl_seconds, error)

    def spawn(self) -> Child:
        """Start the streaming job."""
        return self.launcher.start(self.settings, self.lease.token)

    def run_ending(self) -> str | None:
        """What Dagster decided about this run."""
        return run_ending(self.context)

    def unwanted(self) -> str | None:
        """The intent, when it is `stopped`."""
        intent = read_intent(self.db, STREAM_ROLE)
        return f"{intent.by}: {intent.reason}" if intent.desired == "stopped" else None

    def new_code(self) -> str | None:
        """Whether the files on disk are other ones than at the start."""
        if self.now() - self._looked < CODE_LOOK_SECONDS:
            return None
        self._looked = self.now()
        return self.code.changed()

    def silent_seconds(self) -> float | None:
        """Seconds since any partition reported, or since the stream last moved while there was something to apply.

        Counted by our own clock from the moment at which we saw a change, so that setting the machine's does no harm.
        """
        progress = read_progress(self.db, self.settings.topic)
        if not progress:
            return None
        position = sum(part.next for part in progress)
        # What an open transaction holds back is nothing that the stream could apply.
        if position != self._position or not any(part.lag > part.held for part in progress):
            self._position, self._moved = position, self.now()
        beat = max(part.updated_at for part in progress)
        if beat != self._last_beat:
            # The first one that we see may be old; a later one is new.
            age = (datetime.now(UTC) - beat).total_seconds() if self._last_beat is None else 0.0
            self._last_beat, self._heard = beat, self.now() - max(age, 0.0)
        return max(self.now() - self._heard, self.now() - self._moved)

    def heartbeat(self, restarts: int) -> None:
        """Write the heartbeat to the event log; a failure to do so is no reason to end a healthy stream."""
        _spare(self._beat, restarts)

    def _beat(self, restarts: int) -> None:
        now = datetime.now(UTC)
        written, events = heartbeat.events(self.db, self.settings.topic, now, restarts, self._written)
        for event in events:
            self.context.log_event(event)
        self._written = written

    def refuse(self, reason: str) -> None:
        """Set the intent to `stopped`, in the supervisor's name."""
        try:
            set_intent(self.db, STREAM_ROLE, "stopped", by="supervisor", reason=reason)
        except UnavailableError as error:
            LOG.warning("The intent was not recorded, the sensor will start the stream again: %s", error)

    def tell(self, text: str) -> None:
        """Log a line to the run."""
        _spare(self.context.log.info, text)


def _spare(act: Callable[..., object], *args: object) -> None:
    """Do something that Dagster's storage may refuse; log a refusal instead of raising it."""
    try:
        act(*args)
    except EcomError as error:
        LOG.warning("A heartbeat was left out: %s", error)
    except Exception:
        LOG.warning("Dagster did not take an event", exc_info=True)
