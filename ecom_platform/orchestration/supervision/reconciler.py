"""What the supervisor's sensor does about the runs it sees: bury the dead, respect the person, request the next. Pure.

The truth about life is the lease (a process writes it every few seconds), not the status of a run: a run whose worker
was killed together with its code server stays STARTED for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ecom_platform.orchestration.sensor_state import Remembered, delay_seconds

ACTIVE: Final = frozenset({"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"})

# A worker needs this long at most from its start to the lease (imports, connecting, an old lease that runs out).
START_GRACE_SECONDS: Final = 90.0
# A run is buried only when it looked dead for so long: its lease may have run out because MongoDB was away, and its
# first renewal afterwards races with us.
SUSPECT_SECONDS: Final = 30.0
# A run that lived so long was healthy: its end does not add up with earlier ones.
HEALTHY_SECONDS: Final = 600.0
FIRST_DELAY_SECONDS: Final = 5.0
LONGEST_DELAY_SECONDS: Final = 300.0


class Worker(StrEnum):
    """What is known of the process that took the lease."""

    ALIVE = "alive"
    GONE = "gone"
    ELSEWHERE = "elsewhere"
    """On another machine, in another container, or before a reboot: only the expiry tells."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run that takes the lease. Times are seconds since 1970; `stopped_by` and `ended_by` are its tags."""

    run_id: str
    status: str
    created: float
    supervises: bool = True
    started: float | None = None
    ended: float | None = None
    cancel_asked: float | None = None
    stopped_by: str | None = None
    ended_by: str | None = None

    @property
    def active(self) -> bool:
        """Not finished, as far as Dagster knows."""
        return self.status in ACTIVE

    @property
    def ended_by_itself(self) -> bool:
        """It died or crashed; a FAILURE that did not say why is a worker that could not."""
        died = self.status == "FAILURE" and not self.ended_by
        return self.stopped_by is None and (died or self.ended_by in ("crashed", "child-stopped"))

    def lived_seconds(self, now: float) -> float:
        """How long it has run, 0 if it never started."""
        return 0.0 if self.started is None else (self.ended or now) - self.started


@dataclass(frozen=True, slots=True)
class LeaseView:
    """The lease of the stream while it is held; `expired_seconds` is negative while it is in force."""

    owner: str
    run_id: str | None
    worker: Worker
    expired_seconds: float

    @property
    def in_force(self) -> bool:
        """A process may still be writing under it."""
        return self.expired_seconds < 0 and self.worker is not Worker.GONE


@dataclass(frozen=True, slots=True)
class Memory(Remembered):
    """Kept from tick to tick: since when a run looks dead, and the last cancelled run that was dealt with.

    Forgotten, its only effect is that a suspect gets its whole grace again.
    """

    suspects: dict[str, float] = field(default_factory=dict)
    handled_cancel: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the decision depends on; `runs` newest first, `intent_at` None before the first desired state."""

    now: float
    wanted: bool
    intent_at: float | None
    intent_text: str
    runs: tuple[RunView, ...]
    lease: LeaseView | None
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True)
class Burial:
    """A run to report as ended; `kill` when its frozen worker still exists and must go first."""

    run_id: str
    reason: str
    cancelled: bool
    kill: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, in this order: bury, record the stop, request. `reason` says why, with numbers."""

    reason: str
    memory: Memory
    bury: tuple[Burial, ...] = ()
    stop_because: str | None = None
    request: str | None = None


def decide(situation: Situation) -> Decision:
    """Judge every active run, then decide whether a new one is due."""
    suspects: dict[str, float] = {}
    burials: list[Burial] = []
    for run in (run for run in situation.runs if run.active):
        doubt, burial = _examine(run, situation)
        if burial:
            burials.append(burial)
        # The buried too: a burial that does not come through is tried again at the next tick.
        if doubt is not None:
            suspects[run.run_id] = doubt
    memory = Memory(suspects, situation.memory.handled_cancel)
    buried = {burial.run_id: burial for burial in burials}
    return _next(situation, memory, buried)


def _examine(run: RunView, at: Situation) -> tuple[float | None, Burial | None]:
    """(since when it looks dead or None, its burial or None)."""
    # Nothing began later than now; the clock was set back where it seems so.
    since = min(at.memory.suspects.get(run.run_id, at.now), at.now)
    lease = at.lease if at.lease and at.lease.run_id == run.run_id else None
    # A run by hand also waits and counts without the lease: only a lease that it holds tells anything about it.
    if run.status == "QUEUED" or (lease is None and not run.supervises):
        return None, None
    if lease is not None and lease.in_force:
        return None, None
    if lease is not None and lease.worker is Worker.GONE:
        return since, _burial(run, "its worker process is gone", kill=False)
    if lease is None and 0 <= at.now - (run.started or run.created) < START_GRACE_SECONDS:
        return None, None
    patience = START_GRACE_SECONDS if run.status in ("NOT_STARTED", "STARTING") else SUSPECT_SECONDS
    if at.now - since < patience:
        return since, None
    if lease is None:
        return since, _burial(run, "it does not hold the lease, so no process works for it", kill=False)
    reason = f"it has not renewed its lease for {lease.expired_seconds:.0f} s after the expiry"
    return since, _burial(run, reason, kill=lease.worker is Worker.ALIVE)


def _burial(run: RunView, reason: str, *, kill: bool) -> Burial:
    return Burial(run.run_id, reason, cancelled=run.status == "CANCELING", kill=kill)


def _next(at: Situation, memory: Memory, buried: dict[str, Burial]) -> Decision:
    bury = tuple(buried.values())
    supervisors = [run for run in at.runs if run.supervises]
    cancel = _person_cancelled(supervisors, at, buried)
    if cancel is not None:
        reason = f"Run {cancel.run_id[:8]} was cancelled by a person. `ecom stream --supervised` starts it again."
        return Decision(reason, Memory(memory.suspects, cancel.run_id), bury, stop_because=reason)
    if not at.wanted:
        return Decision(f"The stream is meant to be stopped: {at.intent_text}.", memory, bury)
    for run in supervisors:
        if run.active and run.run_id not in buried:
            doubt = ", which looks dead" if run.run_id in memory.suspects else ""
            return Decision(f"Run {run.run_id[:8]} is {run.status}{doubt}.", memory, bury)
    if at.lease and at.lease.in_force and at.lease.run_id not in buried:
        left = -at.lease.expired_seconds
        return Decision(f"{at.lease.owner} runs the stream (lease for {left:.0f} s more).", memory, bury)
    return _request(at, memory, bury, supervisors, buried)


def _request(
    at: Situation, memory: Memory, bury: tuple[Burial, ...], supervisors: list[RunView], buried: dict[str, Burial]
) -> Decision:
    setbacks, last_end = 0, 0.0
    for run in supervisors:
        if not (run.ended_by_itself or run.run_id in buried) or run.lived_seconds(at.now) >= HEALTHY_SECONDS:
            break
        # A wish newer than the crash is a person who has looked at it: start at once.
        if (run.ended or at.now) <= (at.intent_at or 0.0):
            break
        setbacks += 1
        # An end that lies ahead was before the clock was set back: how long ago is unknown.
        ended = run.ended or at.now
        last_end = max(last_end, ended if ended <= at.now else 0.0)
    # The first replacement is immediate; only a row of them waits.
    wait = last_end + delay_seconds(setbacks - 1, FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS) - at.now
    if setbacks and wait > 0:
        return Decision(f"{setbacks} runs in a row ended by themselves; the next one in {wait:.0f} s.", memory, bury)
    # A key per predecessor: two ticks that see the same end ask for one run, the next end asks again.
    key = f"stream-after-{supervisors[0].run_id if supervisors else 'nothing'}"
    return Decision("The stream should run and does not.", memory, bury, request=key)


def _person_cancelled(supervisors: list[RunView], at: Situation, buried: dict[str, Burial]) -> RunView | None:
    """The supervisor run that ended last, if a person cancelled it and the stream was not asked for since.

    While another supervisor run is active the cancelled one was a spare, and says nothing about the stream.
    """
    if not supervisors or any(run.active and run.run_id not in buried for run in supervisors):
        return None
    last = max(supervisors, key=lambda run: run.ended or at.now)
    cancelled = buried[last.run_id].cancelled if last.run_id in buried else last.status == "CANCELED"
    when = last.cancel_asked or last.ended or at.now
    fresh = last.run_id != at.memory.handled_cancel and at.wanted and when > (at.intent_at or 0.0)
    return last if cancelled and last.stopped_by is None and fresh else None
