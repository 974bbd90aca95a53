"""What the stream, the archive and Dagster write about themselves, for the dashboard's tests."""

from __future__ import annotations

from datetime import timedelta

from bson.binary import Binary

from ecom_platform.store import collections
from ecom_platform.store.pipeline_status import CheckState, PipelineStatus, RunOfJob, write_pipeline_status
from ecom_platform_tests.dashboard.shop import DAY, NOW

_FILLED = (
    collections.STREAM_OFFSETS,
    collections.DEAD_LETTERS,
    collections.LATE_EVENTS,
    collections.INGEST_MINUTE,
    collections.ARCHIVE_MANIFESTS,
    collections.ORDERS_ARCHIVE_SUMMARY,
    collections.PIPELINE_STATUS,
)


def offsets(partition=0, **counters):
    """The stream's own record of a partition that it read from offset 10 to 110."""
    return {
        "_id": f"orders-{partition}",
        "topic": "orders",
        "partition": partition,
        "topic_id": "T",
        "first": 10,
        "next": 110,
        "token": 1,
        "counters": counters,
    }


def letter(offset, reason, seen_at, raw=b"{}"):
    """A dead letter of partition 0."""
    return {
        "_id": f"orders-0-{offset}",
        "topic": "orders",
        "partition": 0,
        "offset": offset,
        "key": None,
        "raw": None if raw is None else Binary(raw),
        "reason": reason,
        "error": f"{reason} at byte 0",
        "seen_at": seen_at,
    }


def manifest(run, state, files):
    """An archive run with files of (day, rows, bytes)."""
    return {
        "_id": run,
        "kind": "archive",
        "token": 1,
        "state": state,
        "days": sorted({day for day, _, _ in files}),
        "frontier": {"topic_id": "T", "next": {}},
        "rows": sum(rows for _, rows, _ in files),
        "files": [
            {"path": f"order_date={day}/part-{run}-1-{n}.snappy.parquet", "bytes": size, "rows": rows, "checksum": "c"}
            for n, (day, rows, size) in enumerate(files)
        ],
        "times": {"PLANNED": NOW, state: NOW},
    }


def summary(run, day, at, rows=100, seconds=2.0):
    """A row of the archive's summary."""
    return {
        "_id": f"{run}/{day}",
        "run": run,
        "day": day,
        "rows": rows,
        "bytes": 4_000_000,
        "files": 1,
        "seconds": seconds,
        "mb_per_second": 2.0,
        "open_orders_left": 3,
        "superseded_in_run": 0,
        "at": at,
    }


def fill(db, now):
    """A pipeline with a bit of everything, as of `now`."""
    db[collections.STREAM_OFFSETS].insert_many(
        [offsets(0, applied=90, duplicate=6, dead=2, late=1, gap=1), offsets(1, applied=99, lost=1)]
    )
    raw = '{"event_type": "order_placed", "order_id": -4 \u2028 \x00 <b>'.encode()
    db[collections.DEAD_LETTERS].insert_many(
        [letter(11, "bad_json", now - timedelta(minutes=2)), letter(12, "id_mismatch", now, raw)]
    )
    db[collections.LATE_EVENTS].insert_one({"_id": "orders-0-13", "topic": "orders", "partition": 0, "offset": 13})
    minute = now.replace(second=0, microsecond=0)
    db[collections.INGEST_MINUTE].insert_many(
        {"_id": f"{n}/{p}", "t": minute - timedelta(minutes=n), "partition": p, "applied": 50 + n, "dead": n % 7 == 0}
        for n in range(50)
        for p in (0, 1)
    )
    old = f"{now - 9 * DAY:%Y-%m-%d}"
    db[collections.ARCHIVE_MANIFESTS].insert_many(
        [manifest("20261101-1", "DONE", [(old, 100, 4_000_000)]), manifest("20261102-1", "PURGING", [(old, 5, 9_000)])]
    )
    db[collections.ORDERS_ARCHIVE_SUMMARY].insert_one(summary("20261101-1", old, now))
    check = CheckState("facts/orders", "size_within_bounds", False, "ERROR", "312 MB, high mark 300 MB.", now)
    run = RunOfJob("r1", "orders_archive_job", "FAILURE", now, now, "HDFS does not answer.")
    write_pipeline_status(db, PipelineStatus(now, (run,), (check,)))


def empty(db):
    """Take away all that `fill` has written."""
    for name in _FILLED:
        db[name].delete_many({})
