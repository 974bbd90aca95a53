"""Bring the facts up to a noted point of the topic: by waiting for the live stream, else by running it once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ecom_platform.errors import ConfigurationError, EcomError, Fenced, NeedsPerson, UnavailableError
from ecom_platform.orchestration.runs.ending import shielded
from ecom_platform.streaming.child import Child, last_words
from ecom_platform.streaming.exits import Verdict, describe, judge


class Held(Protocol):
    """A lease in hand."""

    def renew(self) -> None:
        """Renew it; raises Fenced, UnavailableError."""

    def release(self) -> None:
        """Give it back."""


class DrainWorld(Protocol):
    """What a drain needs from outside."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait; raises when the run is cancelled."""

    def applied(self) -> Mapping[int, int]:
        """Partition → first offset not yet accounted for. Raises UnavailableError."""

    def take(self) -> Held:
        """The stream's lease; raises Fenced while another process holds it."""

    def spawn(self, lease: Held) -> Child:
        """A stream that ends when the backlog is applied."""

    def tell(self, text: str) -> None:
        """A line for the run's log."""


@dataclass(frozen=True, slots=True)
class Drained:
    """How the point was reached: `how` is `nothing to do`, `waited` or `ran`."""

    how: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Drain:
    """One drain. `attempts` bounds runs that end without reaching the point, `longest_seconds` the whole."""

    world: DrainWorld
    poll_seconds: float = 0.5
    renew_seconds: float = 5.0
    grace_seconds: float = 20.0
    longest_seconds: float = 3_000.0
    attempts: int = 3

    def run(self, target: Mapping[int, int]) -> Drained:
        """Return once every partition of `target` (partition → end offset) is applied up to there.

        Raises:
            UnavailableError: not reached in time, or the stream crashed on every attempt; what was applied stays.
            NeedsPerson, ConfigurationError: the stream said so; the text is its last line.
        """
        started, how, attempt = self.world.now(), "nothing to do", 0
        while behind := self._behind(target):
            if self.world.now() - started > self.longest_seconds:
                raise UnavailableError(
                    f"{behind} events were still to be applied after {self.longest_seconds:.0f} s. What was applied "
                    "stays; see the stream's log, then materialize again."
                )
            lease = self._take()
            if lease is None:
                how = "waited" if how == "nothing to do" else how
                self.world.sleep(self.poll_seconds)
                continue
            how, attempt = "ran", attempt + 1
            self._run_once(lease, last=attempt >= self.attempts)
        return Drained(how, self.world.now() - started)

    def _behind(self, target: Mapping[int, int]) -> int:
        applied = self.world.applied()
        return sum(max(0, end - applied.get(partition, 0)) for partition, end in target.items())

    def _take(self) -> Held | None:
        try:
            return self.world.take()
        except Fenced:
            return None

    def _run_once(self, lease: Held, *, last: bool) -> None:
        child: Child | None = None
        try:
            child = self.world.spawn(lease)
            self.world.tell(f"Started the stream for the backlog, process {child.pid}.")
            code = self._wait(child, lease)
            error = _error_of(code, child)
        finally:
            with shielded():
                try:
                    if child is not None:
                        child.stop(self.grace_seconds)
                finally:
                    _quietly(lease.release)
        if error is not None and (last or not isinstance(error, UnavailableError)):
            raise error
        if error is not None:
            self.world.tell(f"{error} Trying again.")

    def _wait(self, child: Child, lease: Held) -> int:
        renewed = self.world.now()
        while (code := child.poll()) is None:
            if self.world.now() - renewed >= self.renew_seconds:
                renewed = self.world.now()
                _quietly(lease.renew)
            self.world.sleep(self.poll_seconds)
        return code


def _error_of(code: int, child: Child) -> EcomError | None:
    verdict = judge(code)
    if verdict is Verdict.STOPPED:
        return None
    said = last_words(child.last_lines()) or "no output"
    text = f"The stream ended before the backlog was applied: {describe(code)}, {said}"
    if verdict is Verdict.FENCED:
        return Fenced(text)
    if verdict is Verdict.NEEDS_PERSON:
        return NeedsPerson(text) if code == NeedsPerson.exit_code else ConfigurationError(text)
    return UnavailableError(text)


def _quietly(act: Callable[[], None]) -> None:
    """A server that does not answer is no lost lease: the token fences a late writer."""
    try:
        act()
    except UnavailableError:
        return
