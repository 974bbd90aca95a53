"""The supervisor of the stream: keeps one child alive under one lease until it is told to stop.

Everything outside (MongoDB, Dagster, processes, time) comes in through `World`, so that its tests need no server and no
sleep. It never decides whether a stream is wanted: that is the intent's document; it only obeys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import dagster as dg

from ecom_platform.errors import Fenced, UnavailableError
from ecom_platform.orchestration.runs.ending import shielded
from ecom_platform.orchestration.sensor_state import Backoff
from ecom_platform.streaming.child import Child, last_words
from ecom_platform.streaming.exits import Verdict, describe, judge


class SupervisorPace(dg.ConfigurableResource[None]):
    """Every interval of the supervisor, in seconds; `lease_seconds` is the term of the stream's lease."""

    lease_seconds: float = 20.0
    poll_seconds: float = 0.5
    check_seconds: float = 5.0
    heartbeat_seconds: float = 60.0
    first_restart_seconds: float = 1.0
    longest_restart_seconds: float = 60.0
    healthy_seconds: float = 300.0
    grace_seconds: float = 20.0
    hung_seconds: float = 180.0
    longest_run_seconds: float = 7 * 86_400.0


class Ending(StrEnum):
    """Why a supervisor stopped; the value is the tag `ecom/ended-by` of its run."""

    CANCELLED = "cancelled"
    """Its run is being cancelled, or was reported as ended by another process."""
    UNWANTED = "unwanted"
    """The intent is `stopped`."""
    RECYCLED = "recycled"
    """The code changed, or the run is old: the next run takes over."""
    CHILD_STOPPED = "child-stopped"
    """The child was stopped from outside."""
    FENCED = "fenced"
    NEEDS_PERSON = "needs-person"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why it ended, in words, with the last lines of the child's log and the number of restarts."""

    ending: Ending
    reason: str
    log: Sequence[str] = ()
    restarts: int = 0


class World(Protocol):
    """What the supervisor needs from outside. MongoDB that does not answer is `UnavailableError`, everywhere."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def renew(self) -> None:
        """Renew the lease; raises Fenced when it is lost."""

    def release(self) -> None:
        """Give the lease back, if it is still held and MongoDB answers."""

    def spawn(self) -> Child:
        """Start a child under the lease's token."""

    def run_ending(self) -> str | None:
        """What Dagster has decided about this run, or None while it is simply running; never asks MongoDB."""

    def unwanted(self) -> str | None:
        """Why the stream is meant to be stopped, or None."""

    def new_code(self) -> str | None:
        """Why the code in force is no longer the one of this run, or None."""

    def silent_seconds(self) -> float | None:
        """Seconds since the child last showed progress, None when that is unknown."""

    def heartbeat(self, restarts: int) -> None:
        """Record that the stream lives and what it has done."""

    def refuse(self, reason: str) -> None:
        """Set the intent to `stopped`: a person must act first."""

    def tell(self, text: str) -> None:
        """A line for the run's log."""


class StreamSupervisor:
    """Runs the stream until something ends it; one use."""

    def __init__(self, world: World, pace: SupervisorPace) -> None:
        """Take the outside world and the intervals; the lease is already held."""
        self.world, self.pace = world, pace
        self.child: Child | None = None
        self.restarts = 0
        started = world.now()
        self._started = self._checked = self._beaten = self._spawned = self._due = started
        self._backoff = Backoff(pace.first_restart_seconds, pace.longest_restart_seconds, pace.healthy_seconds)
        self._mongodb_down = False

    def run(self) -> Outcome:
        """Supervise; however it ends, no child is left and the lease is given back."""
        try:
            while (outcome := self._step()) is None:
                self.world.sleep(self.pace.poll_seconds)
            return outcome
        except Fenced as error:
            return Outcome(Ending.FENCED, str(error), restarts=self.restarts)
        finally:
            with shielded():
                try:
                    self._end_child(self.pace.grace_seconds)
                finally:
                    self.world.release()

    def _step(self) -> Outcome | None:
        now = self.world.now()
        if now - self._checked >= self.pace.check_seconds:
            self._checked = now
            if (outcome := self._check(now)) is not None:
                return outcome
        if self.child is None:
            if now >= self._due:
                self.child, self._spawned = self.world.spawn(), now
                self.world.tell(f"Started the stream, process {self.child.pid}.")
            return None
        code = self.child.poll()
        if code is not None:
            return self._ended(self.child, code, now)
        if now - self._beaten >= self.pace.heartbeat_seconds:
            self._beaten = now
            self.world.heartbeat(self.restarts)
        return None

    def _check(self, now: float) -> Outcome | None:
        """Every few seconds: still ours, still wanted, still the right code, not hung?"""
        if (reason := self.world.run_ending()) is not None:
            return self._outcome(Ending.CANCELLED, reason)
        try:
            self.world.renew()
            if (reason := self.world.unwanted()) is not None:
                return self._outcome(Ending.UNWANTED, reason)
            self._mongodb_answers()
            self._restart_when_hung(now)
        except UnavailableError as error:
            # Not a lost lease: its next holder raises the token, and the token in every write stops our child.
            self._mongodb_silent(error)
        if now - self._started >= self.pace.longest_run_seconds:
            return self._outcome(Ending.RECYCLED, f"The run is {(now - self._started) / 3600:.0f} hours old.")
        if (reason := self.world.new_code()) is not None:
            return self._outcome(Ending.RECYCLED, reason)
        return None

    def _restart_when_hung(self, now: float) -> None:
        if self.child is None or now - self._spawned < self.pace.hung_seconds:
            return
        silent = self.world.silent_seconds()
        if silent is None or silent < self.pace.hung_seconds:
            return
        self.world.tell(f"The stream has shown no sign of life for {silent:.0f} s; it is killed and started again.")
        self._end_child(grace_seconds=2.0)
        self._plan_restart(now)

    def _ended(self, child: Child, code: int, now: float) -> Outcome | None:
        log, verdict = tuple(child.last_lines()), judge(code)
        self.child = None
        said = f"The stream ended: {describe(code)}."
        if verdict is Verdict.RESTART:
            delay = self._plan_restart(now)
            tail = "\n".join(log[-15:])
            self.world.tell(f"{said} Starting it again in {delay:.0f} s (failure {self._backoff.failures}).\n{tail}")
            return None
        if verdict is Verdict.NEEDS_PERSON:
            reason = last_words(log) or said
            self.world.refuse(reason)
            return self._outcome(Ending.NEEDS_PERSON, f"{said} {reason}", log)
        return self._outcome(Ending.FENCED if verdict is Verdict.FENCED else Ending.CHILD_STOPPED, said, log)

    def _plan_restart(self, now: float) -> float:
        self._backoff = self._backoff.failed(now - self._spawned)
        self._due = now + self._backoff.seconds
        self.restarts += 1
        return self._backoff.seconds

    def _end_child(self, grace_seconds: float) -> None:
        child, self.child = self.child, None
        if child is not None:
            child.stop(grace_seconds)

    def _outcome(self, ending: Ending, reason: str, log: Sequence[str] = ()) -> Outcome:
        return Outcome(ending, reason, log, self.restarts)

    def _mongodb_silent(self, error: UnavailableError) -> None:
        if not self._mongodb_down:
            self.world.tell(f"{error} The stream is left alone meanwhile.")
        self._mongodb_down = True

    def _mongodb_answers(self) -> None:
        if self._mongodb_down:
            self.world.tell("MongoDB answers again.")
        self._mongodb_down = False
