"""One live holder of a role."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pymongo
import pytest

from ecom_platform.errors import Fenced, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, MongoDatabase, read_lease
from ecom_platform.store.collections import LEASES
from ecom_platform.store.process_identity import ProcessIdentity, identify
from ecom_platform_tests.conftest import variables

HOLD_AND_DIE = """
import os
from ecom_platform.settings import Settings
from ecom_platform.store import Lease, database
db = database(Settings())
Lease.acquire(db, "stream", "the one that dies", ttl_seconds=600)
os._exit(9)
"""


def expire(db: MongoDatabase, role: str = "stream") -> None:
    """Let the term of a lease run out without waiting for it."""
    db[LEASES].update_one({"_id": role}, [{"$set": {"expires_at": {"$subtract": ["$$NOW", 1]}}}])


def test_a_second_owner_is_refused_and_told_who_holds_it(db: MongoDatabase) -> None:
    """The refusal is a sentence for a person."""
    Lease.acquire(db, "stream", "supervisor run 7")

    with pytest.raises(Fenced, match="supervisor run 7"):
        Lease.acquire(db, "stream", "ecom stream")


def test_of_many_at_once_exactly_one_gets_it(db: MongoDatabase) -> None:
    """The decision is one atomic step on the server."""

    def attempt(number: int) -> int | None:
        try:
            return Lease.acquire(db, "stream", f"owner {number}").token
        except Fenced:
            return None

    with ThreadPoolExecutor(12) as pool:
        tokens = list(pool.map(attempt, range(24)))

    assert [token for token in tokens if token is not None] == [1]


def test_roles_do_not_exclude_each_other(db: MongoDatabase) -> None:
    """The archiver works while the stream runs."""
    assert Lease.acquire(db, "stream", "a").token == 1
    assert Lease.acquire(db, "archiver", "b").token == 1


def test_tokens_increase_over_release_expiry_and_takeover(db: MongoDatabase) -> None:
    """An old token can never come back to life."""
    first = Lease.acquire(db, "stream", "a")
    first.release()
    second = Lease.acquire(db, "stream", "b")
    expire(db)
    third = Lease.acquire(db, "stream", "c")

    assert [first.token, second.token, third.token] == [1, 2, 3]


def test_the_former_holder_is_fenced_when_it_wakes_up(db: MongoDatabase) -> None:
    """It was stopped for longer than its term."""
    sleeper = Lease.acquire(db, "stream", "sleeper")
    expire(db)
    Lease.acquire(db, "stream", "successor")

    with pytest.raises(Fenced, match="sleeper"):
        sleeper.renew()


def test_the_former_holder_cannot_release_its_successor(db: MongoDatabase) -> None:
    """Its clean-up comes too late and must do nothing."""
    sleeper = Lease.acquire(db, "stream", "sleeper")
    expire(db)
    successor = Lease.acquire(db, "stream", "successor")
    sleeper.release()
    successor.renew()

    state = read_lease(db, "stream")
    assert state is not None
    assert (state.owner, state.alive()) == ("successor", True)


def test_an_expired_lease_that_nobody_took_is_still_held(db: MongoDatabase) -> None:
    """A slow server is no reason to stop the stream."""
    lease = Lease.acquire(db, "stream", "a")
    expire(db)
    lease.renew()

    state = read_lease(db, "stream")
    assert state is not None
    assert state.alive()


def test_a_released_lease_cannot_be_renewed(db: MongoDatabase) -> None:
    """A renewing thread that outlives the release must not take it back."""
    lease = Lease.acquire(db, "stream", "a")
    lease.release()

    with pytest.raises(Fenced):
        lease.renew()


def test_a_lease_of_a_dead_process_of_this_machine_is_free_at_once(db: MongoDatabase, settings: Settings) -> None:
    """After a kill -9 nobody waits for the term to run out."""
    arguments = [sys.executable, "-c", HOLD_AND_DIE]
    assert subprocess.run(arguments, env=os.environ | variables(settings), check=False).returncode == 9
    state = read_lease(db, "stream")

    assert state is not None
    assert not state.alive()
    assert Lease.acquire(db, "stream", "successor").token == 2


def test_a_lease_of_another_machine_is_trusted_until_it_expires(db: MongoDatabase) -> None:
    """Its process cannot be looked at from here."""
    Lease.acquire(db, "stream", "elsewhere")
    db[LEASES].update_one({"_id": "stream"}, {"$set": {"boot_id": "another machine", "pid": 2**22 + 1}})

    with pytest.raises(Fenced, match="elsewhere"):
        Lease.acquire(db, "stream", "here")


def test_a_lease_that_was_renewed_ahead_of_a_clock_set_back_has_run_out(db: MongoDatabase) -> None:
    """Else a machine that died with a wrong clock would keep the role until the right one has caught up."""
    Lease.acquire(db, "stream", "before the reboot")
    ahead = {name: {"$add": [f"${name}", 3_600_000]} for name in ("renewed_at", "expires_at")}
    db[LEASES].update_one({"_id": "stream"}, [{"$set": {**ahead, "boot_id": "another boot"}}])
    state = read_lease(db, "stream")

    assert state is not None
    assert not state.alive()
    assert Lease.acquire(db, "stream", "after it").token == 2


def test_a_lease_renewed_a_little_ahead_is_in_force(db: MongoDatabase) -> None:
    """The clocks of a replica set differ by seconds, and its primary changes."""
    Lease.acquire(db, "stream", "elsewhere", ttl_seconds=20)
    ahead = {name: {"$add": [f"${name}", 15_000]} for name in ("renewed_at", "expires_at")}
    db[LEASES].update_one({"_id": "stream"}, [{"$set": {**ahead, "boot_id": "another machine"}}])

    with pytest.raises(Fenced, match="elsewhere"):
        Lease.acquire(db, "stream", "here")


def test_the_term_is_counted_by_the_clock_of_the_server(db: MongoDatabase) -> None:
    """Clients with wrong clocks must agree on who holds it."""
    Lease.acquire(db, "stream", "a", ttl_seconds=20)
    state = read_lease(db, "stream")

    assert state is not None
    assert state.expires_at - state.renewed_at == timedelta(seconds=20)
    assert state.renewed_at <= state.read_at


def test_a_server_that_is_away_is_not_a_lost_lease(db: MongoDatabase) -> None:
    """The holder goes on trying; only another holder fences it."""
    lease = Lease.acquire(db, "stream", "a")
    away = pymongo.MongoClient("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=200)
    with away, pytest.raises(UnavailableError):
        replace(lease, db=away[db.name]).renew()

    lease.renew()


def test_a_role_that_nobody_ever_held_has_no_state(db: MongoDatabase) -> None:
    """Also when somebody was refused or interrupted before the first acquisition."""
    db[LEASES].insert_one({"_id": "archiver", "token": 0, "owner": None})

    assert read_lease(db, "stream") is None
    assert read_lease(db, "archiver") is None


def test_a_later_process_with_the_same_number_is_another_one() -> None:
    """Process numbers are used again."""
    me = identify()
    assert me is not None

    assert not me.is_gone()
    assert replace(me, process_started=me.process_started - 1).is_gone()


def test_a_process_that_ended_is_gone_even_before_its_parent_looked() -> None:
    """A zombie holds nothing."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        alive = identify(child.pid)
        assert alive is not None
        assert not alive.is_gone()
        child.kill()
        # Waits for the end without reaping it.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        assert alive.is_gone()


def test_nothing_is_claimed_about_processes_of_another_boot() -> None:
    """Their numbers mean nothing here."""
    assert not ProcessIdentity(2**22 + 1, 1, "another boot").is_gone()
