"""The ledger: what was attempted, what Kafka said, and what nobody knows."""

from __future__ import annotations

import json

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.simulator.config import Incident, IncidentKind
from ecom_platform.simulator.ledger import Ledger, acked_since, digest_of, read_ledger, summarise, write_labels


def test_an_attempt_without_outcome_is_unknown(tmp_path, four_hours) -> None:
    """Acked, failed, and neither."""
    with Ledger(tmp_path) as ledger:
        ledger.attempt(four_hours[:3])
        ledger.acked([(0, 1, 44)])
        ledger.failed([(1, "too large")])
    entries = {entry.event_id: entry for entry in read_ledger(tmp_path)}

    assert [entries[one.event_id].status for one in four_hours[:3]] == ["acked", "failed", "unknown"]
    assert (entries[four_hours[0].event_id].partition, entries[four_hours[0].event_id].offset) == (1, 44)


def test_attempts_are_on_disk_before_anything_is_sent(tmp_path, four_hours) -> None:
    """Another reader sees them while the ledger is still open."""
    with Ledger(tmp_path) as ledger:
        ledger.attempt(four_hours[:5])

        assert [entry.status for entry in read_ledger(tmp_path)] == ["unknown"] * 5


def test_an_entry_says_what_the_message_was(tmp_path, four_hours) -> None:
    """Order, amount, digest and expected outcome."""
    placed = next(one for one in four_hours if one.total_cents is not None)
    with Ledger(tmp_path) as ledger:
        ledger.attempt([placed])
    entry = next(read_ledger(tmp_path))

    assert (entry.order_id, entry.total_cents) == (placed.order_id, placed.total_cents)
    assert (entry.expected, entry.fault, entry.digest) == ("applied", None, digest_of(placed.value))


def test_a_torn_last_line_is_passed_over(tmp_path, four_hours) -> None:
    """The simulator was killed while writing it, so the message was never sent."""
    with Ledger(tmp_path) as ledger:
        ledger.attempt(four_hours[:2])
    with ledger.file.open("ab") as opened:
        opened.write(b'{"record":"attempt","attem')

    assert len(list(read_ledger(tmp_path))) == 2


def test_a_damaged_ledger_is_refused_with_its_line(tmp_path, four_hours) -> None:
    """Somebody edited it: the error names file and line."""
    with Ledger(tmp_path) as ledger:
        ledger.attempt(four_hours[:1])
    with ledger.file.open("ab") as opened:
        opened.write(b"hello\n")

    with pytest.raises(ConfigurationError, match=r"Line 2 of .*events-000001"):
        list(read_ledger(tmp_path))


def test_every_run_has_a_file_of_its_own(tmp_path, four_hours) -> None:
    """Nothing is ever overwritten, and all files are read."""
    for _ in range(2):
        with Ledger(tmp_path) as ledger:
            ledger.attempt(four_hours[:4])

    assert [file.name for file in sorted(tmp_path.iterdir())] == ["events-000001.jsonl", "events-000002.jsonl"]
    assert len(list(read_ledger(tmp_path))) == 8


def test_an_order_sent_twice_counts_once(tmp_path, four_hours) -> None:
    """Resent after a crash: two attempts, one order, its amount once."""
    placed = next(one for one in four_hours if one.total_cents is not None)
    with Ledger(tmp_path) as ledger:
        ledger.attempt([placed])
        ledger.attempt([placed], resent=True)
        ledger.acked([(0, 0, 1), (1, 0, 2)])
    summary = summarise(read_ledger(tmp_path))

    assert (summary.attempted, summary.acked, summary.resent, summary.orders) == (2, 2, 1, 1)
    assert summary.total_cents == placed.total_cents
    assert summary.expected == {"applied": 1}


def test_what_arrived_after_a_position_is_known(tmp_path, four_hours) -> None:
    """Counted from the position; earlier outcomes do not matter."""
    with Ledger(tmp_path) as ledger:
        ledger.attempt(four_hours[:2])
        position = ledger.position
        ledger.attempt(four_hours[2:6])
        ledger.acked([(1, 0, 0), (3, 0, 1), (5, 1, 0)])

    assert acked_since(tmp_path, position) - {-1} == {1, 3}


def test_no_ledger_is_an_empty_one(tmp_path) -> None:
    """Reading before the first run is no error."""
    assert list(read_ledger(tmp_path / "nowhere")) == []


def test_labels_name_kind_entity_and_time(tmp_path) -> None:
    """One line per planted incident."""
    incident = Incident(IncidentKind.OVERSOLD, 0, 60_000, warehouse_id=2, product_id=41)
    write_labels(tmp_path, [incident])

    assert json.loads((tmp_path / "labels.jsonl").read_text()) == {
        "kind": "oversold",
        "entity": "warehouse:2/product:41",
        "from": "1970-01-01T00:00:00Z",
        "to": "1970-01-01T00:01:00Z",
    }
