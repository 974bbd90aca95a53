"""Questions asked ahead of the pages. Instants are numbers; who asks when is told by events, not by the clock."""

from __future__ import annotations

import queue
import threading
from itertools import count

import pytest

from dashboard.prefetch import Prefetcher
from ecom_platform_tests.programs import until

AWHILE = 30.0


def prefetcher(seconds: float, begin=None) -> Prefetcher[int]:
    """Instants 1, 2, 3…; 0 is one at which nothing could be read."""
    numbers = count(1)
    return Prefetcher(seconds, begin or (lambda: next(numbers)), 0.01, lambda instant: instant == 0)


def test_the_next_instant_is_asked_before_any_page_asks():
    """A page asked once; the question comes again by itself, at a newer instant."""
    asked: queue.Queue[int] = queue.Queue()
    ahead = prefetcher(0.02)
    ahead.want("tiles", asked.put)

    assert ahead.newest() >= 1
    assert asked.get(timeout=AWHILE) < asked.get(timeout=AWHILE)


def test_a_page_draws_the_last_complete_instant_while_a_slow_query_runs():
    """It neither waits for the query nor shows an instant of which an answer is missing."""
    begun, end = threading.Event(), threading.Event()
    ahead = prefetcher(0.02)
    before = ahead.newest()

    def slow(instant: int) -> None:
        begun.set()
        assert end.wait(AWHILE)

    ahead.want("slow", slow)
    assert begun.wait(AWHILE)
    during = ahead.newest()
    end.set()

    assert during == before
    wait_for_another(ahead, before)


def test_questions_that_nobody_asks_any_more_are_forgotten():
    """After three instants the thread ends, and whoever comes next begins a new one."""
    asked: queue.Queue[int] = queue.Queue()
    ahead = prefetcher(0.02)
    ahead.want("tiles", asked.put)
    thread = ahead._thread
    assert thread is not None
    thread.join(AWHILE)

    assert [asked.get_nowait() for _ in range(asked.qsize())] == [1, 2, 3]
    wait_for_another(ahead, 3)


def test_a_bug_in_one_question_leaves_the_others_in_peace(caplog: pytest.LogCaptureFixture):
    """It is logged once; the page that asks next meets it itself."""
    asked: queue.Queue[int] = queue.Queue()
    ahead = prefetcher(0.1)

    def broken(instant: int) -> None:
        raise ZeroDivisionError

    ahead.want("broken", broken)
    ahead.want("tiles", asked.put)

    asked.get(timeout=AWHILE)
    asked.get(timeout=AWHILE)
    assert caplog.text.count("asking_ahead_failed question='broken'") == 1


def test_after_an_instant_without_an_answer_the_next_one_comes_soon():
    """Not at the pace, which may be half a minute."""
    instants = iter([0, 7])
    ahead = prefetcher(3600, lambda: next(instants))
    assert ahead.newest() == 0

    wait_for_another(ahead, 0)

    assert ahead.newest() == 7


def wait_for_another(ahead: Prefetcher[int], instant: int | None) -> None:
    """Until a page would draw another instant."""
    until(f"anything newer than {instant}", lambda: ahead.newest() != instant, AWHILE, pause=0.01)
