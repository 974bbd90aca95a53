"""Days of the archive written anew: every row counts once at every instant, and in the end the plain files agree."""

from __future__ import annotations

import logging
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pymongo.client_session import ClientSession

from ecom_platform.archive import compact as module
from ecom_platform.archive import compaction_files
from ecom_platform.archive.archiver_lease import Archiver, held_archiver
from ecom_platform.archive.compact import compact
from ecom_platform.archive.copies import refresh_copies
from ecom_platform.archive.files import FilesDamaged
from ecom_platform.archive.hdfs import arrow_file_system, connect_hdfs
from ecom_platform.archive.layout import ROOT, STAGING
from ecom_platform.archive.rehydrate import rehydrate, rehydrate_waiting
from ecom_platform.archive.run import archive, purge_committed
from ecom_platform.archive.where import where
from ecom_platform.contract import Status
from ecom_platform.errors import AccountingError, Fenced
from ecom_platform.store import MongoDatabase
from ecom_platform.store.late_events import count_waiting
from ecom_platform.store.manifests import RunKind, read_manifests
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.archive.compacting import (
    COLD,
    DELIVERED,
    HOT,
    NOTHING,
    STEPS,
    TOPIC,
    after_the_grace,
    copy_of,
    demand_compacted,
    give_up_role,
    plain_files,
    run_compaction,
)
from ecom_platform_tests.archive.moving import listed
from ecom_platform_tests.archive.shops import Shop
from ecom_platform_tests.streaming.events import PLACED_AT, placed, stepped


def bring_back(archiver: Archiver) -> None:
    """As the archiver does between its steps."""
    rehydrate(archiver.settings, archiver.db, archiver.lease)


def test_a_day_is_written_anew_without_the_rows_that_count_elsewhere(shop: Shop) -> None:
    """The compaction's manifest has the files, the others forget files and bitmaps, and nothing is left to do."""
    before = shop.orders()

    [compacted] = run_compaction(shop)

    assert shop.orders() == before
    assert (compacted.kind, compacted.rows, len(compacted.files)) == (RunKind.COMPACTION, len(COLD), 1)
    assert {run.run for run in read_manifests(shop.db) if run.files} == {compacted.run}
    assert all(not run.superseded for run in read_manifests(shop.db))
    assert list(connect_hdfs(shop.settings).list_status(STAGING)) == []
    assert run_compaction(shop) == []
    shop.assert_same_as_without_archive()


def test_many_small_files_become_one(empty_shop: Shop) -> None:
    """As runs leave them that come often."""
    numbers = range(1, 10)
    empty_shop.send(*(placed(number) for number in numbers))
    for number in numbers:
        handmade.archive(empty_shop.settings, empty_shop.db, [number], f"run-{number}")

    [compacted] = run_compaction(empty_shop)

    assert [file.rows for file in compacted.files] == [len(numbers)]
    empty_shop.assert_same_as_without_archive()


def test_plain_files_are_the_exact_picture_once_the_replaced_ones_are_gone(shop: Shop) -> None:
    """Read by DuckDB and pyarrow, without a manifest; an order that was brought back is in none of them."""
    run_compaction(shop)
    after_the_grace(shop)

    archived = plain_files(shop)
    with duckdb.connect() as engine:
        found = engine.execute("SELECT count(*), count(DISTINCT order_id), sum(total_cents) FROM archived").fetchone()

    assert found == (len(COLD), len(COLD), len(COLD) * 2399)
    assert set(archived.column("order_id").to_pylist()) == COLD
    assert set(archived.column("order_date").cast(pa.string()).to_pylist()) == {f"{PLACED_AT:%Y-%m-%d}"}


def test_a_day_of_which_nothing_counts_any_more_has_no_file(shop: Shop) -> None:
    """All of its orders came back."""
    shop.send(*(stepped(number, DELIVERED, hours=5) for number in COLD))
    rehydrate_waiting(shop.settings, shop.db, "a test")

    [compacted] = run_compaction(shop)
    after_the_grace(shop)

    assert (compacted.rows, compacted.files, listed(shop.settings)) == (0, (), set())
    shop.assert_same_as_without_archive()


def test_a_large_day_becomes_several_full_files(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups and files have their sizes with any files they come from; only the last is smaller."""
    monkeypatch.setattr(compaction_files, "GROUP_ROWS", 2)
    monkeypatch.setattr(compaction_files, "FILE_ROWS", 4)
    before = shop.orders()

    [compacted] = run_compaction(shop)

    assert [file.rows for file in compacted.files] == [4, 1]
    assert shop.orders() == before


def test_replaced_files_stay_until_the_grace_is_over(shop: Shop) -> None:
    """A reader of an older instant may still open them; then the next archive run removes them."""
    replaced = listed(shop.settings)
    [compacted] = run_compaction(shop)
    archive(shop.settings, shop.db, NOTHING)
    written = {file.path for file in compacted.files}

    assert listed(shop.settings) == replaced | written
    assert {file.path for file in compacted.replaced} == replaced
    assert {file.until - compacted.times["DONE"] for file in compacted.replaced} == {shop.settings.archive_grace}
    after_the_grace(shop)
    assert listed(shop.settings) == written


def test_an_order_is_found_where_it_is_now_and_by_the_run_that_archived_it(shop: Shop) -> None:
    """What the stream had seen of it is a question of that run."""
    [compacted] = run_compaction(shop)

    found = where(shop.settings, shop.db, 5)

    assert (found.place, found.run, found.path) == ("archived", "run-1", f"{ROOT}/{compacted.files[0].path}")
    assert found.day == f"{PLACED_AT:%Y-%m-%d}"


@pytest.mark.parametrize("offsets_lost", [False, True])
def test_a_replay_after_a_compaction_brings_nothing_back(shop: Shop, offsets_lost: bool) -> None:
    """Every event is a duplicate at once, whichever run archived its order."""
    run_compaction(shop)
    before = shop.orders()

    shop.replay(TOPIC, offsets_lost=offsets_lost)

    assert [order["_id"] for order in shop.db.orders.find()] == [HOT]
    assert count_waiting(shop.db) == 0
    assert shop.orders() == before


@pytest.mark.parametrize("step", STEPS)
def test_an_order_that_comes_back_during_a_compaction_counts_once_and_does_not_return(shop: Shop, step: int) -> None:
    """Before, between and after its steps; another order's event comes after it is done."""

    def late_event(archiver: Archiver) -> None:
        shop.send(stepped(3, DELIVERED, hours=5))
        bring_back(archiver)
        shop.assert_same_as_without_archive()

    [compacted] = run_compaction(shop, {step: late_event})

    shop.assert_same_as_without_archive()
    shop.send(stepped(4, DELIVERED, hours=5), stepped(3, Status.RETURNED, hours=6))
    rehydrate_waiting(shop.settings, shop.db, "a test")
    assert handmade.superseded(shop.db, compacted.run) == ({4} if step == 0 else {3, 4})
    shop.assert_same_as_without_archive()
    after_the_grace(shop)
    shop.assert_same_as_without_archive()


def test_an_order_that_comes_back_while_the_compaction_commits_counts_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both change the old manifest: the transaction that comes second begins again and sees the first."""
    shop.send(stepped(3, DELIVERED, hours=5))
    take, pending = module._take_files, [True]

    def meet(db: MongoDatabase, session: ClientSession, run: str, rows: Any) -> Any:
        db.archive_manifests.find_one({}, session=session)  # the instant is fixed
        if pending:
            pending.pop()
            bring_back(archiver)
        return take(db, session, run, rows)

    monkeypatch.setattr(module, "_take_files", meet)
    with held_archiver(shop.settings, shop.db) as archiver:
        [compacted] = compact(archiver)

    assert set(compacted.superseded) == {3}
    shop.assert_same_as_without_archive()


@pytest.mark.parametrize("step", STEPS[:-1])
def test_an_archiver_that_lost_its_lease_compacts_nothing(shop: Shop, step: int) -> None:
    """Another one took over and compacted; what the late one wrote counts for nothing and is removed."""
    before = shop.orders()

    def another(archiver: Archiver) -> None:
        give_up_role(shop)
        run_compaction(shop)

    with pytest.raises(Fenced):
        run_compaction(shop, {step: another})

    assert len([run for run in read_manifests(shop.db) if run.kind == RunKind.COMPACTION]) == 1
    assert shop.orders() == before
    archive(shop.settings, shop.db, NOTHING)
    demand_compacted(shop, before)


def test_a_damaged_file_is_not_written_anew(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """It keeps the checksum that shows the damage; the archive run itself ends, says that this waits, and describes
    itself in HDFS all the same.
    """
    path = read_manifests(shop.db)[1].files[0].path
    files = arrow_file_system(shop.settings)
    with files.open_input_file(f"{ROOT}/{path}") as stream:
        content = bytearray(stream.read())
    content[len(content) // 3] ^= 1
    files.delete_file(f"{ROOT}/{path}")
    handmade.put(shop.settings, f"{ROOT}/{path}", bytes(content))
    manifests = list(shop.db.archive_manifests.find({}, {"copied": 0}))

    with pytest.raises(FilesDamaged, match=path):
        run_compaction(shop)
    with caplog.at_level(logging.WARNING):
        archive(shop.settings, shop.db, NOTHING)

    assert "compaction_waits" in caplog.text
    assert list(shop.db.archive_manifests.find({}, {"copied": 0})) == manifests
    assert shop.db.archive_manifests.count_documents({"copied": None}) == 0


def test_an_order_that_counts_twice_stops_the_compaction_of_its_day(shop: Shop) -> None:
    """One copy would have to be chosen; that is for a person."""
    order = shop.db.orders.find_one(HOT)
    handmade.archive(shop.settings, shop.db, [HOT], "run-2")
    shop.db.orders.insert_one(order)
    handmade.archive(shop.settings, shop.db, [HOT], "run-3")

    with pytest.raises(AccountingError, match="1 orders"):
        run_compaction(shop)

    assert all(run.kind == RunKind.ARCHIVE for run in read_manifests(shop.db))


def test_copies_of_manifests_follow_what_happens_after_a_run(shop: Shop) -> None:
    """Files that were taken over, and an order that was brought back, once the next run ended."""
    archive(shop.settings, shop.db, NOTHING)
    [first] = [run for run in read_manifests(shop.db) if run.kind == RunKind.COMPACTION]
    assert copy_of(shop, "run-1")["files"] == []
    assert copy_of(shop, first.run)["files"][0]["path"] == f"{ROOT}/{first.files[0].path}"

    shop.db.archive_manifests.update_one({"_id": first.run}, {"$set": {"superseded": handmade.bitmap([3])}})
    with held_archiver(shop.settings, shop.db) as archiver:
        refresh_copies(shop.db, archiver.hdfs)
        assert copy_of(shop, first.run)["superseded"] == [3]
        purge_committed(archiver)  # as Dagster ends a run

    [second] = [run for run in read_manifests(shop.db) if run.kind == RunKind.COMPACTION and run.files]
    assert copy_of(shop, first.run)["files"] == []
    assert copy_of(shop, second.run)["rows"] == len(COLD) - 1
    with held_archiver(shop.settings, shop.db) as archiver:
        assert refresh_copies(shop.db, archiver.hdfs) == []
