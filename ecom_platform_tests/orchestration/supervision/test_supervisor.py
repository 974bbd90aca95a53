"""The supervisor alone: scripted world, no server, no sleep."""

# The fakes do what the protocols they follow say, and no more.
# ruff: noqa: D102, ARG002

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ecom_platform.errors import Fenced, UnavailableError
from ecom_platform.orchestration.supervision.supervisor import Ending, Outcome, StreamSupervisor, SupervisorPace

PACE = SupervisorPace(
    poll_seconds=1,
    check_seconds=5,
    heartbeat_seconds=60,
    first_restart_seconds=1,
    longest_restart_seconds=60,
    healthy_seconds=300,
    grace_seconds=15,
    hung_seconds=180,
    longest_run_seconds=10_000,
)


@dataclass
class FakeChild:
    """A child that ends by itself at `ends_at` of its world's clock with `code`, or when stopped."""

    world: Any
    pid: int
    ends_at: float = float("inf")
    code: int = 0
    stopped_with: float | None = None

    def poll(self) -> int | None:
        return self.code if self.world.clock >= self.ends_at else None

    def stop(self, grace_seconds: float) -> int:
        self.stopped_with = grace_seconds
        return 0

    def last_lines(self, count: int = 50) -> Sequence[str]:
        return ["first line", "the reason", ""]


@dataclass
class FakeWorld:
    """`exits`: (life in seconds, code) of each child in turn; afterwards children live on."""

    exits: list[tuple[float, int]] = field(default_factory=list)
    script: dict[str, Callable[[float], object]] = field(default_factory=dict)
    clock: float = 0.0
    children: list[FakeChild] = field(default_factory=list)
    spawned_at: list[float] = field(default_factory=list)
    renewed_at: list[float] = field(default_factory=list)
    beats: list[tuple[float, int]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    released: int = 0

    def _ask(self, name: str) -> object:
        return self.script[name](self.clock) if name in self.script else None

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self._ask("sleep")
        self.clock += seconds
        assert self.clock < 20_000, "the supervisor never ended"

    def renew(self) -> None:
        self._ask("renew")
        self.renewed_at.append(self.clock)

    def release(self) -> None:
        self.released += 1

    def spawn(self) -> FakeChild:
        life, code = self.exits.pop(0) if self.exits else (float("inf"), 0)
        child = FakeChild(self, len(self.children) + 1, self.clock + life, code)
        self.children.append(child)
        self.spawned_at.append(self.clock)
        return child

    def run_ending(self) -> str | None:
        return self._ask("run_ending")

    def unwanted(self) -> str | None:
        return self._ask("unwanted")

    def new_code(self) -> str | None:
        return self._ask("new_code")

    def silent_seconds(self) -> float | None:
        return self._ask("silent_seconds")

    def heartbeat(self, restarts: int) -> None:
        self.beats.append((self.clock, restarts))

    def refuse(self, reason: str) -> None:
        self.refused.append(reason)

    def tell(self, text: str) -> None:
        self.told.append(text)


def after(seconds: float, value: object) -> Callable[[float], object]:
    """Nothing until then, afterwards the value; an exception is raised."""

    def answer(now: float) -> object:
        if now < seconds:
            return None
        if isinstance(value, BaseException):
            raise value
        return value

    return answer


def supervise(world: FakeWorld) -> Outcome:
    """Run to the end; after it, no child lives and the lease was given back once."""
    try:
        return StreamSupervisor(world, PACE).run()
    finally:
        assert world.released == 1
        assert all(child.poll() is not None or child.stopped_with is not None for child in world.children)


def test_crashes_are_answered_with_growing_pauses_and_a_renewed_lease() -> None:
    """1, 2, 4, 8 s; the lease is renewed all the while."""
    world = FakeWorld(exits=[(10, 1)] * 4, script={"unwanted": after(200, "enough")})

    supervise(world)

    pauses = [later - earlier - 10 for earlier, later in zip(world.spawned_at, world.spawned_at[1:], strict=False)]
    assert pauses == [1, 2, 4, 8]
    assert max(b - a for a, b in zip(world.renewed_at, world.renewed_at[1:], strict=False)) <= PACE.check_seconds


AWAY = after(0, UnavailableError("away"))


@pytest.mark.parametrize(
    ("exits", "script", "ending", "children", "refused"),
    [
        pytest.param(
            [(3, 4), (3, 4)], {"unwanted": after(100, "enough")}, Ending.UNWANTED, 3, [], id="a server that is away"
        ),
        *(
            pytest.param([(3, code)], {}, Ending.NEEDS_PERSON, 1, ["the reason"], id=f"a person must mend code {code}")
            for code in (2, 3, 6)
        ),
        pytest.param([(3, 5)], {}, Ending.FENCED, 1, [], id="somebody else writes"),
        pytest.param([(3, 0)], {}, Ending.CHILD_STOPPED, 1, [], id="stopped from outside"),
        pytest.param([], {"new_code": after(100, "changed")}, Ending.RECYCLED, 1, [], id="new code"),
        pytest.param(
            [], {"renew": AWAY, "run_ending": after(60, "CANCELING")}, Ending.CANCELLED, 1, [], id="cancelled meanwhile"
        ),
    ],
)
def test_the_end_of_a_child_or_of_the_wish_decides_what_becomes_of_the_run(
    exits: list[tuple[float, int]], script: dict[str, Any], ending: Ending, children: int, refused: list[str]
) -> None:
    """Servers are waited for; what a person must mend stops the stream with its reason; else the intent decides next.

    The run's own status needs no MongoDB, so a cancel is seen while that does not answer.
    """
    world = FakeWorld(exits=list(exits), script=script)

    assert supervise(world).ending is ending
    assert (len(world.children), world.refused) == (children, refused)


def test_a_lost_lease_ends_the_child_at_once() -> None:
    """Renewing says that another writer took over."""
    world = FakeWorld(script={"renew": after(50, Fenced("another one"))})

    outcome = supervise(world)

    assert (outcome.ending, outcome.reason) == (Ending.FENCED, "another one")
    assert world.children[0].stopped_with == PACE.grace_seconds


def test_mongodb_that_does_not_answer_is_not_a_lost_lease() -> None:
    """The stream is left alone, and the silence is told once."""
    script = {
        "renew": lambda now: AWAY(now) if 20 <= now < 400 else None,
        "unwanted": after(500, "enough"),
    }
    world = FakeWorld(script=script)

    assert supervise(world).ending is Ending.UNWANTED
    assert len(world.children) == 1
    assert len([text for text in world.told if "away" in text]) == 1
    assert len([text for text in world.told if "answers again" in text]) == 1


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(), RuntimeError("from a driver")])
def test_any_exception_ends_the_child_and_gives_the_lease_back(interrupt: BaseException) -> None:
    """A cancel surfaces where the program just is, as the error that the library makes of it."""
    world = FakeWorld(script={"sleep": after(30, interrupt)})

    with pytest.raises(type(interrupt)):
        supervise(world)

    assert world.children[0].stopped_with == PACE.grace_seconds


def test_an_old_run_ends_by_itself() -> None:
    """A run of weeks would be a log of weeks."""
    world = FakeWorld()

    assert supervise(world).ending is Ending.RECYCLED
    assert world.clock == pytest.approx(PACE.longest_run_seconds, abs=PACE.check_seconds)


def test_a_child_without_a_sign_of_life_is_killed_and_replaced() -> None:
    """A frozen process ignores SIGTERM, so it gets little time; a fresh one gets its whole start."""
    silence = {"silent_seconds": lambda now: 500.0 if now < 190 else 0.0, "unwanted": after(400, "enough")}
    world = FakeWorld(script=silence)

    supervise(world)

    assert len(world.children) == 2
    assert world.children[0].stopped_with == 2.0
    assert world.spawned_at[1] == pytest.approx(181, abs=6)


def test_a_stream_that_never_reported_is_not_called_frozen() -> None:
    """Unknown is not silent."""
    world = FakeWorld(script={"silent_seconds": lambda _now: None, "unwanted": after(1000, "enough")})

    supervise(world)

    assert len(world.children) == 1


def test_a_heartbeat_a_minute_carries_the_number_of_restarts() -> None:
    """Only while a child lives."""
    world = FakeWorld(exits=[(100, 1)], script={"unwanted": after(200, "enough")})

    supervise(world)

    assert [restarts for _, restarts in world.beats] == [0, 1, 1]
    assert world.beats[0][0] == 60
