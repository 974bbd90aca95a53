"""Facts by hand: wait for the live stream, or be the stream."""

# The fakes do what the protocols they follow say, and no more.
# ruff: noqa: D102, ARG002

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from ecom_platform.errors import ConfigurationError, Fenced, NeedsPerson, UnavailableError
from ecom_platform.orchestration.supervision.drain import Drain
from ecom_platform_tests.orchestration.supervision.test_supervisor import FakeChild

TARGET = {0: 100, 1: 50}


@dataclass
class World:
    """`held_until`: somebody else's lease; `codes`: exit codes of our runs; 0 applies the target."""

    held_until: float = 0.0
    codes: list[int] = field(default_factory=lambda: [0])
    others_apply: float = 0.0
    at: Callable[[float], None] = lambda _now: None
    clock: float = 0.0
    mine: bool = False
    renewed: int = 0
    held: bool = False
    children: list[FakeChild] = field(default_factory=list)

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.at(self.clock)
        self.clock += seconds

    def applied(self) -> Mapping[int, int]:
        if self.mine or (self.others_apply and self.clock >= self.others_apply):
            return TARGET
        return {0: 40}

    def take(self) -> World:
        if self.clock < self.held_until:
            raise Fenced("held")
        self.held = True
        return self

    def renew(self) -> None:
        self.renewed += 1

    def release(self) -> None:
        self.held = False

    def spawn(self, lease: object) -> FakeChild:
        code = self.codes.pop(0)
        self.mine = code == 0
        self.children.append(FakeChild(self, 7, self.clock + 12, code))
        return self.children[-1]

    def tell(self, text: str) -> None:
        pass


def test_a_topic_that_is_applied_needs_nothing() -> None:
    """No lease, no process."""
    world = World()

    assert Drain(world).run({0: 40}).how == "nothing to do"
    assert world.children == []


def test_a_live_stream_is_waited_for() -> None:
    """It holds the lease and passes the point."""
    world = World(held_until=1e9, others_apply=33)
    drained = Drain(world).run(TARGET)

    assert (drained.how, drained.seconds) == ("waited", pytest.approx(33, abs=1))
    assert world.children == []


def test_without_a_live_stream_the_backlog_is_run_once_under_the_lease() -> None:
    """Renewed meanwhile, given back afterwards."""
    world = World()

    assert Drain(world).run(TARGET).how == "ran"
    assert (len(world.children), world.renewed, world.held) == (1, 2, False)


def test_a_stream_that_ends_while_it_is_waited_for_is_taken_over() -> None:
    """Its lease is free then."""
    world = World(held_until=20)

    assert Drain(world).run(TARGET).how == "ran"
    assert len(world.children) == 1


def test_a_crash_is_tried_again_and_then_reported_with_the_last_line() -> None:
    """Three attempts."""
    world = World(codes=[1, 4, 0])
    assert Drain(world).run(TARGET).how == "ran"

    world = World(codes=[1, 1, -9])
    with pytest.raises(UnavailableError, match="killed by signal 9, the reason"):
        Drain(world).run(TARGET)
    assert not world.held


@pytest.mark.parametrize(("code", "error"), [(3, ConfigurationError), (6, NeedsPerson), (5, Fenced)])
def test_what_trying_again_cannot_help_is_said_at_once(code: int, error: type[Exception]) -> None:
    """The lease is free afterwards."""
    world = World(codes=[code])

    with pytest.raises(error, match="the reason"):
        Drain(world).run(TARGET)
    assert not world.held


def test_a_cancel_ends_the_child_and_frees_the_lease() -> None:
    """As any exception it may come as."""

    def interrupt(now: float) -> None:
        if now > 3:
            raise KeyboardInterrupt

    world = World(at=interrupt)
    with pytest.raises(KeyboardInterrupt):
        Drain(world).run(TARGET)
    assert world.children[0].stopped_with is not None
    assert not world.held


def test_a_stream_that_never_gets_there_is_given_up() -> None:
    """With the number of events that are missing."""
    with pytest.raises(UnavailableError, match="110 events"):
        Drain(World(held_until=1e9), longest_seconds=100).run(TARGET)
