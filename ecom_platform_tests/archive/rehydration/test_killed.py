"""Whoever brings orders back may be killed or overtaken anywhere: what it did not commit still waits."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ecom_platform.archive.rehydrate import rehydrate
from ecom_platform.archive.rehydrate_transaction import Rehydrated
from ecom_platform.contract import Status
from ecom_platform.errors import Fenced
from ecom_platform.store import Lease
from ecom_platform.store.late_events import count_waiting
from ecom_platform.store.leases import ARCHIVER_ROLE
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.rehydration.coming_back import (
    Killed,
    assert_accounted,
    bring_back,
    during_the_commit,
    hot_ids,
    rollups_of,
)
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.conftest import variables
from ecom_platform_tests.streaming.events import stepped

DELIVERED, CANCELLED = Status.DELIVERED, Status.CANCELLED


def test_a_rehydration_killed_before_its_commit_changed_nothing_and_is_repeated(
    archived: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All or nothing."""
    archived.send(stepped(1, DELIVERED, hours=4))
    figures = rollups_of(archived)

    def die() -> None:
        raise Killed

    during_the_commit(monkeypatch, die)
    with pytest.raises(Killed):
        bring_back(archived)

    assert (hot_ids(archived), count_waiting(archived.db), handmade.superseded(archived.db)) == ([], 1, set())
    assert rollups_of(archived) == figures
    assert bring_back(archived) == Rehydrated(brought_back=1, applied=1)
    archived.assert_same_as_without_archive()


def test_a_rehydration_killed_after_its_commit_has_nothing_left_to_do(archived: Shop) -> None:
    """What was consumed is gone with the same commit."""
    archived.send(stepped(1, DELIVERED, hours=4))
    lease = Lease.acquire(archived.db, ARCHIVER_ROLE, "the one that dies after its commit")
    rehydrate(archived.settings, archived.db, lease)
    lease.release()

    assert bring_back(archived) == Rehydrated()
    archived.assert_same_as_without_archive()


DIE_AT = """
import os, sys
from ecom_platform.archive import rehydrate
from ecom_platform.archive import rehydrate_transaction
from ecom_platform.settings import Settings
from ecom_platform.store import database
settings = Settings()
for module in (rehydrate_transaction, rehydrate):
    setattr(module, sys.argv[1], lambda *_, **__: os._exit(9))
rehydrate.rehydrate_waiting(settings, database(settings), "the one that dies")
os._exit(9)
"""


POINTS = ("read_orders", "_write_orders", "_supersede", "_consume", "add_late_outcomes", "no such place: at the end")


@pytest.mark.full
@pytest.mark.parametrize("point", POINTS)
def test_a_rehydration_whose_process_dies_is_repeated_wherever_it_was(archived: Shop, point: str) -> None:
    """The lease of a process that is gone is free; a transaction it left open ends by itself on the server."""
    archived.send(stepped(1, DELIVERED, hours=4), stepped(2, CANCELLED, hours=4))
    environment = {**os.environ, **variables(archived.settings)}
    assert subprocess.run([sys.executable, "-c", DIE_AT, point], env=environment, check=False).returncode == 9

    repeated = bring_back(archived)

    assert repeated.brought_back == (0 if point == POINTS[-1] else 2)
    archived.assert_same_as_without_archive()
    assert_accounted(archived)


def test_while_an_archiver_lives_nobody_else_brings_orders_back(archived: Shop) -> None:
    """The holder does it itself."""
    archived.send(stepped(1, DELIVERED, hours=4))
    lease = Lease.acquire(archived.db, ARCHIVER_ROLE, "an archive run")

    with pytest.raises(Fenced, match="an archive run"):
        bring_back(archived)
    assert rehydrate(archived.settings, archived.db, lease).brought_back == 1


def test_a_holder_that_lost_its_lease_commits_nothing(archived: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it was taken over between the look at the lease and the commit."""
    archived.send(stepped(1, DELIVERED, hours=4))
    late = Lease.acquire(archived.db, ARCHIVER_ROLE, "the late one")
    another = {"$inc": {"token": 1}, "$set": {"owner": "the next one"}}
    during_the_commit(monkeypatch, lambda: archived.db.leases.update_one({"_id": ARCHIVER_ROLE}, another))

    with pytest.raises(Fenced, match="the late one"):
        rehydrate(archived.settings, archived.db, late)

    assert (hot_ids(archived), count_waiting(archived.db)) == ([], 1)
