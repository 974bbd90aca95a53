"""The whole reconciliation, against a real topic and a real store filled by the stream's own sink."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ecom_platform.contract import Status
from ecom_platform.errors import AccountingError
from ecom_platform.store import MongoDatabase
from ecom_platform.store import collections as names
from ecom_platform_tests.reconcile.conftest import World, broken


@pytest.fixture
def filled(world: World) -> World:
    """Everything sent was applied."""
    world.send(world.shop())
    world.consume()
    return world


def test_a_shop_without_accidents_adds_up(filled: World) -> None:
    """Every equation was asked and holds."""
    report = filled.report()

    assert broken(report) == {}
    assert all(equation.holds for equation in report.equations)
    assert (report.lag, report.pending) == (0, 0)


def test_before_anything_was_sent_it_adds_up_too(world: World) -> None:
    """An empty platform is not a broken one."""
    assert world.report().holds


def test_events_that_are_not_yet_applied_are_pending_and_not_lost(filled: World) -> None:
    """The stream may simply be behind."""
    filled.send([filled.placed(number) for number in range(100, 110)])
    report = filled.report()

    assert report.holds
    assert (report.lag, report.pending) == (10, 10)


def test_it_adds_up_at_any_moment_while_events_are_sent_and_applied(filled: World) -> None:
    """Store, ledger and topic are read one after the other, and each goes on meanwhile."""

    def keep_sending() -> None:
        for first in range(1_000, 1_400, 20):
            filled.send([filled.placed(number) for number in range(first, first + 20)])

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(keep_sending)
        reports = []
        while not sending.done():
            filled.consume()
            reports.append(filled.report())
        sending.result()

    assert reports
    assert [broken(report) for report in reports] == [{}] * len(reports)


def test_a_deleted_order_is_named_as_applied_but_not_stored(filled: World) -> None:
    """Its malformed copy, a dead letter as expected, is no excuse."""
    filled.db[names.ORDERS].delete_one({"_id": 7})
    wrong = broken(filled.report())

    assert wrong["acknowledged orders = facts"].endswith("missing; applied but not stored: 7")
    assert "applied = facts" in wrong
    assert "rollups = recomputation" in wrong


def test_an_order_that_became_a_dead_letter_is_named_as_not_applied(world: World) -> None:
    """The ledger expected it to be applied, but its bytes were damaged on the way."""
    whole, damaged = world.placed(7), world.broken(7)
    whole.value = damaged.value
    world.send([whole])
    world.consume()

    assert (
        "in the topic but not applied, dead letters: 7 bad_json"
        in broken(world.report())["acknowledged orders = facts"]
    )


@pytest.mark.parametrize(
    ("arrived", "reason"), [(True, "order_time_mismatch"), (False, "unknown_order")], ids=["placed", "in doubt"]
)
def test_a_step_of_another_order_time_is_the_dead_letter_that_was_expected(
    world: World, arrived: bool, reason: str
) -> None:
    """Of an order that may never have been placed, the reason may be another one."""
    if arrived:
        world.send([world.placed(7), world.step(7, Status.SHIPPED)])
    else:
        world.attempt([world.placed(7)])
    world.send([world.misdated(7)])
    world.consume()

    assert broken(world.report()) == {}
    assert [letter["reason"] for letter in world.db[names.DEAD_LETTERS].find()] == [reason]


def test_an_acknowledged_event_beyond_the_end_was_never_in_the_topic(filled: World) -> None:
    """The broker lost what it had acknowledged."""
    filled.claim([filled.placed(500)], offset=10_000)

    assert "never in the topic: 0-10000" in broken(filled.report())["ledger = topic"]


@pytest.mark.parametrize(
    ("collection", "field"),
    [
        (names.KPI_CUBE, "payment.Cash.revenue_cents"),
        (names.KPI_MINUTE, "payment.Cash.booked_cents"),
        (names.KPI_PRODUCT, "products.47.net_cents"),
        (names.STOCK, "products.47.shipped"),
    ],
)
def test_one_cent_too_many_in_a_rollup_is_found_and_named(filled: World, collection: str, field: str) -> None:
    """Whichever rollup it is in."""
    changed = filled.db[collection].find_one_and_update({field: {"$gt": 0}}, {"$inc": {field: 1}})
    assert changed is not None
    wrong = broken(filled.report())

    assert list(wrong) == ["rollups = recomputation"]
    assert changed["_id"].rpartition("/")[0] in wrong["rollups = recomputation"]
    assert field in wrong["rollups = recomputation"]


def test_a_doubled_amount_in_a_rollup_is_found(filled: World) -> None:
    """As a chunk that is applied twice would leave it."""
    wallet = {"basis": "P", "grain": "day", "payment.Wallet.orders": {"$gt": 0}}
    document = filled.db[names.KPI_CUBE].find_one(wallet)
    assert document is not None
    amount = document["payment"]["Wallet"]["orders"]
    bucket = document["_id"].rpartition("/")[0]
    right = sum(
        part["payment"]["Wallet"]["orders"]
        for part in filled.db[names.KPI_CUBE].find(wallet)
        if part["_id"].rpartition("/")[0] == bucket
    )
    filled.db[names.KPI_CUBE].update_one({"_id": document["_id"]}, {"$inc": {"payment.Wallet.orders": amount}})

    expected = f"{bucket} payment.Wallet.orders is {right + amount}, facts say {right}"
    assert expected in broken(filled.report())["rollups = recomputation"]


def test_the_sum_over_partitions_counts_not_the_single_document(filled: World) -> None:
    """Two partitions may share a bucket in any proportion."""
    document = filled.db[names.STOCK].find_one({"products.47.shipped": {"$gt": 0}})
    assert document is not None
    filled.db[names.STOCK].update_one({"_id": document["_id"]}, {"$inc": {"products.47.shipped": -1}})
    other = document["_id"].rpartition("/")[0] + "/-1"
    filled.db[names.STOCK].insert_one({"_id": other, "products": {"47": {"shipped": 1}}})

    assert filled.report().holds


def test_a_removed_dead_letter_is_found_by_the_counter_and_the_ledger(filled: World) -> None:
    """Its place in the topic is named."""
    letter = filled.db[names.DEAD_LETTERS].find_one_and_delete({})
    assert letter is not None
    wrong = broken(filled.report())

    assert "≠" in wrong[f"{filled.settings.topic}-{letter['partition']} dead letters"]
    assert f"not stored: {letter['partition']}-{letter['offset']}" in wrong["ledger = dead letters"]


FAULTS: dict[str, tuple[Callable[[MongoDatabase], object], dict[str, str]]] = {
    "a rollup that vanished counts as zero": (
        lambda db: db[names.KPI_PRODUCT].delete_many({}),
        {"rollups = recomputation": "is 0, facts say"},
    ),
    "the reason of a dead letter is a promise of the contract": (
        lambda db: db[names.DEAD_LETTERS].update_one({}, {"$set": {"reason": "no_items"}}),
        {"ledger = dead letters": "no_items instead of bad_json"},
    ),
    "every offset is in exactly one counter": (
        lambda db: db[names.STREAM_OFFSETS].update_one({"partition": 1}, {"$inc": {"counters.duplicate": 1}}),
        {"{topic}-1 offsets": "+1 events counted", "ledger = duplicates": ""},
    ),
    "offsets of a topic that was created again mean another log": (
        lambda db: db[names.STREAM_OFFSETS].update_one({"partition": 0}, {"$set": {"topic_id": "another"}}),
        {"{topic}-0 in the topic": ""},
    ),
    "a total is that of the ledger and of its lines": (
        lambda db: db[names.ORDERS].update_one({"_id": 9}, {"$inc": {"total_cents": 1}}),
        {"content of orders": "another total: 1 (9)", "net lines = total": "broken in 1 (9)"},
    ),
    "an update was lost between two chunks": (
        lambda db: db[names.ORDERS].update_one({"_id": 9}, {"$pop": {"delivery.history": 1}}),
        {"content of orders": "steps missing: 1 (9)"},
    ),
    "the last acknowledged step decides": (
        lambda db: db[names.ORDERS].update_one({"_id": 10}, {"$set": {"delivery.status": "Pending"}}),
        {"content of orders": "another status: 1 (10)"},
    ),
    "a status is the last step, also where the ledger would allow another": (
        lambda db: db[names.ORDERS].update_one({"_id": 9}, {"$set": {"delivery.status": "Shipped"}}),
        {"status = last step": "broken in 1 (9)"},
    ),
}


@pytest.mark.parametrize(("change", "told"), FAULTS.values(), ids=FAULTS)
def test_a_change_of_the_store_is_found_and_named(
    filled: World, change: Callable[[MongoDatabase], object], told: dict[str, str]
) -> None:
    """Content is compared, not only existence, and every equation that does not hold says why."""
    change(filled.db)
    wrong = broken(filled.report())

    for equation, words in told.items():
        assert words in wrong[equation.format(topic=filled.settings.topic)]


def test_an_order_from_nowhere_is_found(filled: World) -> None:
    """Nobody sent it."""
    order = filled.db[names.ORDERS].find_one({"_id": 5})
    assert order is not None
    filled.db[names.ORDERS].insert_one({**order, "_id": 555})

    assert "555" in broken(filled.report())["no order from nowhere"]


def test_events_of_another_producer_are_no_error(filled: World) -> None:
    """The ledger cannot say anything about them, and the report says so."""
    filled.send([filled.placed(number) for number in range(300, 310)], in_ledger=False)
    filled.consume()
    report = filled.report()

    assert report.holds
    assert [equation.name for equation in report.equations if equation.holds is None] == ["no order from nowhere"]


@pytest.mark.parametrize("arrived", [True, False])
def test_an_event_without_an_answer_may_be_there_or_not(filled: World, arrived: bool) -> None:
    """The simulator was killed before it heard from the broker."""
    doubtful = [filled.placed(400), filled.step(400, Status.SHIPPED), filled.broken(401)]
    if arrived:
        filled.send(doubtful, answers=False)
        filled.consume()
    else:
        filled.attempt(doubtful)

    assert broken(filled.report()) == {}


def test_a_message_that_was_sent_again_after_a_crash_counts_once(filled: World) -> None:
    """The first sending arrived unheard; the second is a duplicate although nobody planned one."""
    filled.send([filled.placed(400)], answers=False)
    filled.send([filled.placed(400)])
    filled.consume()

    assert broken(filled.report()) == {}


@pytest.mark.parametrize("folder", [True, False])
def test_without_a_ledger_topic_and_facts_are_still_compared(world: World, *, folder: bool) -> None:
    """Anybody's producer can feed the platform; the folder may be there, an empty volume of a deployment."""
    world.send(world.shop(), in_ledger=False)
    for file in (world.settings.home / "ledger").iterdir():
        file.unlink()
    if not folder:
        (world.settings.home / "ledger").rmdir()
    world.consume()
    report = world.report()

    assert report.holds
    assert not [equation for equation in report.equations if "ledger" in equation.name]


def test_a_document_that_the_stream_cannot_have_written_is_named(filled: World) -> None:
    """One sentence instead of a traceback."""
    filled.db[names.ORDERS].update_one({"_id": 9}, {"$unset": {"payment_type": 1}})

    with pytest.raises(AccountingError, match="Order 9"):
        filled.report()
