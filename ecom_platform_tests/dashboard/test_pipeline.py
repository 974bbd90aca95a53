"""Pipeline: the equations, rates, dead letters and the archive's state, and the page in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from dashboard.pipeline_tables import told_at
from dashboard.queries.archive import archiving, layers
from dashboard.queries.pipeline import dead_letters, ingested, stream, wait_seconds
from dashboard.ranges import Window
from ecom_platform.store import collections
from ecom_platform_tests.dashboard import shop
from ecom_platform_tests.dashboard.browser import opened
from ecom_platform_tests.dashboard.pipe import letter, manifest, offsets, summary
from ecom_platform_tests.dashboard.shop import DAY, MIDNIGHT, NOW


def test_equations_hold_when_every_offset_is_counted(shop_db):
    """100 offsets read, 100 counted; dead letters stored as counted; late events waiting or told what became of."""
    shop_db[collections.STREAM_OFFSETS].insert_one(offsets(0, applied=90, duplicate=5, dead=2, late=2, gap=1))
    shop_db[collections.DEAD_LETTERS].insert_many([letter(11, "bad_json", NOW), letter(12, "bad_json", NOW)])
    shop_db[collections.LATE_EVENTS].insert_one({"_id": "a", "topic": "orders", "partition": 0, "offset": 13})
    late = {"_id": "late/orders-0", "topic": "orders", "partition": 0, "applied": 1}
    shop_db[collections.ARCHIVE_STATE].insert_one(late)

    lights = stream(shop_db, "orders").lights

    assert [light.holds for light in lights] == [True, True, True]
    expected = "100 read = 90 applied + 5 duplicate + 2 dead + 2 late + 1 gap + 0 lost"
    assert lights[0].words == expected


@pytest.mark.parametrize("broken", ["offsets", "dead letters", "late events"])
def test_an_equation_that_does_not_hold_says_so(shop_db, broken):
    """An event that was not counted, a dead letter that is gone, a late event that vanished."""
    counters = {"applied": 98, "dead": 1, "late": 1}
    shop_db[collections.STREAM_OFFSETS].insert_one(
        offsets(0, **counters | ({"applied": 97} if broken == "offsets" else {}))
    )
    if broken != "dead letters":
        shop_db[collections.DEAD_LETTERS].insert_one(letter(11, "bad_json", NOW))
    if broken != "late events":
        shop_db[collections.LATE_EVENTS].insert_one({"_id": "a", "topic": "orders", "partition": 0, "offset": 13})

    lights = stream(shop_db, "orders").lights

    wrong = ["offsets", "dead letters", "late events"].index(broken)
    assert [light.holds for light in lights] == [number != wrong for number in range(3)]
    assert "≠" in lights[wrong].words


def test_minutes_are_summed_over_partitions_and_silence_is_zero(shop_db):
    """Sixty minutes that end with the running one, by Kafka's clock."""
    minute = NOW.replace(second=0)
    shop_db[collections.INGEST_MINUTE].insert_many(
        [
            {"_id": "a", "t": minute, "partition": 0, "applied": 3, "dead": 1, "waited": {"2": 3, "9": 1}},
            {
                "_id": "b",
                "t": minute,
                "partition": 1,
                "applied": 4,
                "late": 2,
                "duplicate": 5,
                "waited": {"2": 10, "199": 1},
            },
            {"_id": "c", "t": minute - timedelta(minutes=60), "partition": 1, "applied": 1000},
        ]
    )

    found = ingested(shop_db, NOW)

    assert len(found) == 60
    assert (found[-1].applied, found[-1].duplicate, found[-1].dead, found[-1].late) == (7, 5, 1, 2)
    assert sum(one.events for one in found) == 15
    assert (wait_seconds(found, 50), wait_seconds(found, 90), wait_seconds(found, 100)) == (0.15, 0.5, 10.0)
    assert wait_seconds(found[:-1], 50) is None


def test_dead_letters_of_a_window_by_reason_and_the_newest(shop_db):
    """Most frequent reason first; what is not text is shown as far as it is; an empty message is no text."""
    shop_db[collections.DEAD_LETTERS].insert_many(
        [
            letter(1, "bad_json", NOW - timedelta(hours=3)),
            letter(2, "totals_mismatch", NOW - timedelta(minutes=3)),
            letter(3, "totals_mismatch", NOW - timedelta(minutes=2), b"\xff\xfe ok"),
            letter(4, "null_value", NOW - timedelta(minutes=1), None),
        ]
    )

    found = dead_letters(shop_db, Window(NOW - timedelta(hours=1), NOW))

    assert found.by_reason == {"totals_mismatch": 2, "null_value": 1}
    assert [one.offset for one in found.newest] == [4, 3, 2]
    assert [one.text for one in found.newest] == ["", "\ufffd\ufffd ok", "{}"]


def test_the_archive_is_told_by_its_manifests(shop_db):
    """Files of runs that do not count yet, or no more, are left out; a run under way is named."""
    shop_db[collections.ARCHIVE_MANIFESTS].insert_many(
        [
            manifest("r1", "DONE", [("2026-11-20", 10, 100), ("2026-11-21", 20, 200)]),
            manifest("r2", "PURGING", [("2026-11-21", 5, 50)]),
            manifest("r3", "WRITTEN", [("2026-11-22", 7, 70)]),
            manifest("r4", "REVOKED", [("2026-11-22", 7, 70)]),
        ]
    )
    shop_db[collections.ORDERS_ARCHIVE_SUMMARY].insert_many(
        [summary("r1", "2026-11-20", NOW - DAY), summary("r2", "2026-11-21", NOW)]
    )

    found = archiving(shop_db)

    days = {day: (one.files, one.rows, one.bytes) for day, one in found.days.items()}
    assert days == {"2026-11-21": (2, 25, 250), "2026-11-20": (1, 10, 100)}
    assert [run.run for run in found.running] == ["r2", "r3"]
    assert [row.run for row in found.summary] == ["r2", "r1"]


def test_each_day_is_hot_archived_both_a_gap_or_missing(shop_db):
    """What the rollups say was placed must be somewhere; a day without orders is a gap, not a loss."""
    days = [MIDNIGHT - number * DAY for number in range(4, -1, -1)]
    for number, day in enumerate(days[:4]):
        shop.store(shop_db, shop.orders_between(day, day + DAY, 20, seed=number + 1, now=NOW), NOW)
    for number in (0, 3):
        shop_db.orders.delete_many({"order_time": {"$gte": days[number], "$lt": days[number] + DAY}})
    files = [(f"{days[0]:%Y-%m-%d}", 20, 1), (f"{days[1]:%Y-%m-%d}", 7, 1)]
    shop_db[collections.ARCHIVE_MANIFESTS].insert_one(manifest("r1", "DONE", files))

    found = layers(shop_db, Window(days[0], MIDNIGHT + DAY))

    assert [layer.where for layer in found] == ["archived", "both", "hot", "missing", "gap"]
    assert [(layer.placed, layer.archived) for layer in found] == [(20, 20), (20, 7), (20, 0), (20, 0), (0, 0)]


@pytest.mark.parametrize(("seconds", "silent"), [(0, False), (170, False), (181, True), (86_400, True)])
def test_what_dagster_wrote_long_ago_is_not_shown_as_if_it_were_of_now(seconds, silent):
    """A daemon or a code server that hangs writes nothing, and nothing else would say so."""
    said = told_at(NOW - timedelta(seconds=seconds), NOW, "newest first")

    assert ("no word from Dagster since" in said) is silent
    assert f"{NOW - timedelta(seconds=seconds):%H:%M}" in said


def test_the_page_says_it_all_in_words(browser, address, live_shop, piped_shop):
    """The equations are on top; what waits, what was not understood, what the archive does, which check fails."""
    shop.beat(live_shop, datetime.now(UTC), lag=1)
    with opened(browser, f"{address}/pipeline") as found:
        expect(found.tile("Equations")).to_have_text("6 of 6")
        expect(found.tile("Lag")).to_have_text("2")
        expect(found.card("lights")).to_contain_text("100 read = 90 applied + 6 duplicate + 2 dead + 1 late + 1 gap")
        expect(found.card("letters")).to_contain_text("id_mismatch")
        expect(found.card("archive-runs")).to_contain_text("run 20261102-1 is PURGING")
        expect(found.card("checks")).to_contain_text("312 MB, high mark 300 MB.")
        expect(found.card("runs")).to_contain_text("HDFS does not answer.")
