"""Reading where the stream stands."""

from __future__ import annotations

from ecom_platform.store import Counters, MongoDatabase, read_offsets
from ecom_platform.store.collections import STREAM_OFFSETS


def test_partitions_come_by_number_and_absent_counters_are_zero(db: MongoDatabase) -> None:
    """A counter that never counted need not be stored; another topic's partitions do not appear."""
    common = {"topic_id": "abc", "token": 4}
    db[STREAM_OFFSETS].insert_many(
        [
            {"_id": "orders-1", "topic": "orders", "partition": 1, "first": 5, "next": 9, "counters": {}, **common},
            {"_id": "orders-0", "topic": "orders", "partition": 0, "first": 0, "next": 7,
             "counters": {"applied": 4, "dead": 3}, **common},
            {"_id": "other-0", "topic": "other", "partition": 0, "first": 0, "next": 0, "counters": {}, **common},
        ]
    )  # fmt: skip
    offsets = read_offsets(db, "orders")

    assert list(offsets) == [0, 1]
    assert offsets[0].counters == Counters(applied=4, dead=3)
    assert offsets[0].counters.total == 7
    assert offsets[1].counters.total == 0


def test_before_the_first_batch_there_is_nothing(db: MongoDatabase) -> None:
    """Not an error."""
    assert read_offsets(db, "orders") == {}
