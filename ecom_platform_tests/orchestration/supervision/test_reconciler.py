"""What the sensor decides, from what it sees; no server, no clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecom_platform.orchestration.supervision.reconciler import (
    Decision,
    LeaseView,
    Memory,
    RunView,
    Situation,
    Worker,
    decide,
)

NOW = 1_000_000.0


def run(run_id: str = "a", status: str = "STARTED", age: float = 1_000, **fields: object) -> RunView:
    """A supervisor run that was created and started `age` seconds ago."""
    times = {"created": NOW - age, "started": NOW - age}
    return RunView(run_id, status, **{**times, **fields})


def lease(run_id: str | None = "a", worker: Worker = Worker.ALIVE, expired: float = -15) -> LeaseView:
    """A lease that is renewed, unless told otherwise."""
    return LeaseView("Dagster run a", run_id, worker, expired)


def situation(*runs: RunView, **fields: object) -> Situation:
    """The stream is wanted since long ago."""
    usual = {"wanted": True, "intent_at": NOW - 100_000, "intent_text": "demo: started", "lease": None}
    return Situation(NOW, runs=runs, **{**usual, **fields})


def later(before: Situation, seconds: float) -> Decision:
    """The decision on the same sight after some ticks, each of which remembers the one before."""
    memory, decision = before.memory, decide(before)
    for _ in range(int(seconds // 5)):
        memory = decision.memory
        before = replace(before, now=before.now + 5, memory=memory)
        decision = decide(before)
    return decision


STOPPED = run(status="CANCELED", ended=NOW - 5, stopped_by="ecom down", ended_by="interrupted")
SOMEBODY = LeaseView("ecom stream, pid 7", None, Worker.ALIVE, -12)
ACTIVE = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")


@pytest.mark.parametrize(
    ("sight", "request_key", "said"),
    [
        pytest.param(situation(), "stream-after-nothing", "", id="nothing ran ever before"),
        pytest.param(situation(STOPPED), "stream-after-a", "", id="a program tags the run that it cancels"),
        pytest.param(situation(wanted=False, intent_text="ecom down: stopped"), None, "ecom down: stopped",
                     id="nobody wants it"),
        pytest.param(situation(lease=SOMEBODY), None, "ecom stream, pid 7", id="somebody else holds the lease"),
        *(pytest.param(situation(run(status=status), lease=lease()), None, "", id=f"one is {status}")
          for status in ACTIVE),
    ],
)  # fmt: skip
def test_a_run_is_requested_when_one_is_wanted_and_none_is_there(
    sight: Situation, request_key: str | None, said: str
) -> None:
    """One that is on its way in or out is enough; the reason quotes the intent, or the holder."""
    decision = decide(sight)

    assert (decision.request, decision.bury) == (request_key, ())
    assert said in decision.reason


def test_a_run_whose_worker_is_gone_is_buried_and_replaced_in_the_same_tick() -> None:
    """The lease names a process that no longer exists: no reason to wait for the expiry."""
    decision = decide(situation(run("dead"), lease=lease("dead", Worker.GONE)))

    assert [burial.run_id for burial in decision.bury] == ["dead"]
    assert not decision.bury[0].kill
    assert decision.request == "stream-after-dead"


def test_a_lease_that_ran_out_while_mongodb_was_away_gets_time_to_be_renewed() -> None:
    """The first look after MongoDB is back races with the worker's renewal."""
    sight = situation(run(), lease=lease(expired=120))

    assert later(sight, 25).bury == ()
    assert later(sight, 35).bury[0].kill


def test_a_suspect_that_renews_its_lease_is_forgotten() -> None:
    """Doubt starts again from zero."""
    doubted = decide(situation(run(), lease=lease(expired=10)))
    assert doubted.memory.suspects == {"a": NOW}

    assert decide(situation(run(), lease=lease(), memory=doubted.memory)).memory.suspects == {}


def test_a_worker_before_a_reboot_is_dead_when_its_lease_has_run_out() -> None:
    """Its process cannot be looked at from here, and there is nothing to kill."""
    sight = situation(run(), lease=lease(worker=Worker.ELSEWHERE, expired=5))

    assert decide(situation(run(), lease=lease(worker=Worker.ELSEWHERE))).bury == ()
    (burial,) = later(sight, 35).bury
    assert not burial.kill


def test_a_run_that_has_just_started_need_not_hold_the_lease_yet() -> None:
    """Imports and a predecessor's lease take time; after it, no process works for this run."""
    assert decide(situation(run(age=60))).memory.suspects == {}
    assert later(situation(run(age=600)), 35).bury[0].run_id == "a"


def test_a_run_by_hand_that_waits_without_the_lease_is_left_alone() -> None:
    """It waits for the live stream, or counts rows, for as long as that takes."""
    by_hand = run("hand", age=3_000, supervises=False)

    assert later(situation(by_hand, run(), lease=lease()), 600).bury == ()


def test_a_dead_run_by_hand_is_buried_too() -> None:
    """Every job that takes the lease is covered."""
    decision = decide(situation(run("hand", supervises=False), lease=lease("hand", Worker.GONE)))

    assert decision.bury[0].run_id == "hand"
    assert decision.request == "stream-after-nothing"


def test_a_run_that_dies_while_being_cancelled_ends_as_cancelled() -> None:
    """The person's wish outlives the worker."""
    decision = decide(situation(run(status="CANCELING", cancel_asked=NOW - 5), lease=lease(worker=Worker.GONE)))

    assert decision.bury[0].cancelled
    assert decision.stop_because is not None
    assert decision.request is None


def test_a_person_who_cancels_stops_the_stream_once() -> None:
    """The cancel is recorded as the intent, and not again after somebody wished for the stream."""
    cancelled = run(status="CANCELED", ended=NOW - 5, cancel_asked=NOW - 8, ended_by="interrupted")
    decision = decide(situation(cancelled))
    assert decision.stop_because is not None
    assert decision.memory == Memory({}, "a")

    assert decide(situation(cancelled, memory=decision.memory)).request == "stream-after-a"
    assert decide(situation(cancelled, intent_at=NOW - 7)).request == "stream-after-a"


def test_a_cancelled_spare_run_says_nothing_about_the_stream() -> None:
    """Neither while the real one lives, nor after it ended in its own time."""
    spare = run("spare", "CANCELED", age=500, started=None, ended=NOW - 400, cancel_asked=NOW - 400)

    assert decide(situation(spare, run(), lease=lease())).stop_because is None
    done = run("a", "SUCCESS", ended=NOW - 10, ended_by="recycled")
    assert decide(situation(spare, done)).stop_because is None


def crashed(number: int, age: float, lived: float = 20, **fields: object) -> RunView:
    """A run that died so long ago."""
    return run(str(number), "FAILURE", age + lived, **{"ended": NOW - age, **fields})


def test_a_clock_that_was_set_back_costs_no_more_than_the_usual_patience() -> None:
    """A run that seems to have started, or died, in an hour is judged like one of now."""
    ahead = situation(run(age=-3_600), memory=Memory({"a": NOW + 3_600}))
    assert [burial.run_id for burial in later(ahead, 35).bury] == ["a"]

    died = situation(*(crashed(number, age=-3_600 + number) for number in range(3)))
    assert decide(died).request is not None


def test_the_first_death_is_answered_at_once_and_a_row_of_them_ever_later() -> None:
    """0, 5, 10, 20 … seconds after the last end."""
    for dead, pause in [(1, 0), (2, 5), (3, 10), (4, 20), (20, 300)]:
        ages = [pause - 1 + number * 30 for number in range(dead)]
        early = [crashed(number, age) for number, age in enumerate(ages)]
        late = [crashed(number, age + 1) for number, age in enumerate(ages)]

        assert pause == 0 or decide(situation(*early)).request is None
        assert decide(situation(*late)).request == "stream-after-0"


@pytest.mark.parametrize(
    "end",
    [
        {"ended_by": "interrupted"},  # Ctrl-C of `dagster dev` ends as FAILURE
        {"stopped_by": "ecom down"},
        {"ended_by": "fenced"},
        {"lived": 700},
    ],
)
def test_only_early_deaths_that_nobody_asked_for_count(end: dict[str, object]) -> None:
    """Five of any other kind cause no pause."""
    assert decide(situation(*[crashed(number, 1 + number, **end) for number in range(5)])).request is not None


def test_a_wish_newer_than_the_crashes_starts_at_once() -> None:
    """A person has looked at it."""
    runs = [crashed(number, 2 + number * 30) for number in range(6)]

    assert decide(situation(*runs)).request is None
    assert decide(situation(*runs, intent_at=NOW - 1)).request is not None


def test_two_looks_at_the_same_end_ask_for_the_same_run() -> None:
    """Dagster launches one run per key; the next end has another key."""
    keys = {decide(situation(crashed(1, age), crashed(0, 700))).request for age in (6, 11)}

    assert keys == {"stream-after-1"}
