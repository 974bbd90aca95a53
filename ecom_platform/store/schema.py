"""Collections, views and indexes; safe to run at every start.

Every index costs write rate, so there are few. Orders inserted per second by one process, 4,000 per transaction, three
items each, on 2 cores: 73,000 without an index, 50,000 with `order_time`, 42,000 with both below. The indexed fields of
rollup documents never change after the first write, so adding to a bucket touches no index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import CollectionInvalid, OperationFailure

from ecom_platform.contract import OPEN_STATUSES
from ecom_platform.kpi.buckets import MINUTE_RETENTION
from ecom_platform.store import collections as names
from ecom_platform.store.client import MongoDatabase, mongo_errors

INGEST_RETENTION: Final = timedelta(days=8)

_INDEX_OPTIONS_CONFLICT = 85
_INDEX_KEY_SPECS_CONFLICT = 86


def _expiring(field: str, after: timedelta, *, sparse: bool = False) -> IndexModel:
    name = f"{field}_expires"
    return IndexModel([(field, ASCENDING)], name=name, expireAfterSeconds=int(after.total_seconds()), sparse=sparse)


INDEXES: Final[Mapping[str, Sequence[IndexModel]]] = {
    names.ORDERS: (
        IndexModel([("order_time", ASCENDING)], name="order_time"),
        # Only open orders are in it: it stays small, and a delivered order leaves it for good. The further fields let
        # the dashboard count what is open, late and at risk, by courier and age, without reading an order.
        IndexModel(
            [
                ("delivery.status", ASCENDING),
                ("delivery.expected_time", ASCENDING),
                ("warehouse_id", ASCENDING),
                ("delivery.courier_id", ASCENDING),
                ("payment_type", ASCENDING),
                ("order_time", ASCENDING),
            ],
            name="open_expected_time",
            partialFilterExpression={"delivery.status": {"$in": list(OPEN_STATUSES)}},
        ),
    ),
    names.DEAD_LETTERS: (
        # Every chunk asks whether its offsets are dead letters already.
        IndexModel([("topic", ASCENDING), ("partition", ASCENDING), ("offset", ASCENDING)], name="source"),
        IndexModel([("seen_at", DESCENDING)], name="seen_at"),
    ),
    # Every chunk asks whether its orders have events that wait for rehydration.
    names.LATE_EVENTS: (IndexModel([("order_id", ASCENDING)], name="order_id"),),
    names.ARCHIVED_IDS: (IndexModel([("run", ASCENDING)], name="run"),),
    names.ALERTS: (IndexModel([("open", ASCENDING), ("opened_at", DESCENDING)], name="open_opened_at"),),
    names.KPI_MINUTE: (_expiring("t", MINUTE_RETENTION),),
    names.KPI_CUBE: (
        IndexModel([("basis", ASCENDING), ("grain", ASCENDING), ("t", ASCENDING)], name="basis_grain_t"),
        _expiring("expires_at", timedelta(0), sparse=True),
    ),
    names.KPI_PRODUCT: (
        IndexModel([("grain", ASCENDING), ("t", ASCENDING)], name="grain_t"),
        _expiring("expires_at", timedelta(0), sparse=True),
    ),
    names.INGEST_MINUTE: (_expiring("t", INGEST_RETENTION),),
}

_PLACED: Final = {"order_time": 1, "order_date": 1, "warehouse_id": 1}


def _fields_of(nested: str, *fields: str) -> dict[str, str]:
    return {field: f"${nested}.{field}" for field in fields}


_LINE: Final = ("order_item_id", "product_id", "quantity", "price_cents", "net_cents", "category")
_DELIVERY: Final = ("delivery_id", "courier_id", "status", "expected_time", "actual_time", "history")
VIEW_PIPELINES: Final[Mapping[str, list[dict[str, Any]]]] = {
    # One document per line of an order. `_id` stays the order's, so that a filter on it uses the index of `orders`.
    names.ORDER_ITEMS: [
        {"$unwind": "$order_items"},
        {"$project": {"order_id": "$_id", **_fields_of("order_items", *_LINE), **_PLACED}},
    ],
    # One document per order.
    names.DELIVERIES: [{"$project": {"order_id": "$_id", **_fields_of("delivery", *_DELIVERY), **_PLACED}}],
}


def ensure_schema(db: MongoDatabase) -> None:
    """Create what is missing of collections, indexes and views, and bring changed ones up to date.

    Raises:
        UnavailableError: MongoDB does not answer; what exists by then is right, run it again.
    """
    with mongo_errors("creating collections and indexes"):
        existing = {info["name"]: info for info in db.list_collections()}
        for name in names.COLLECTIONS:
            if name not in existing:
                _create(db, name)
        for name, models in INDEXES.items():
            for model in models:
                _ensure_index(db, name, model)
        for name, pipeline in VIEW_PIPELINES.items():
            if name not in existing:
                _create(db, name, viewOn=names.ORDERS, pipeline=pipeline)
            elif existing[name]["options"].get("pipeline") != pipeline:
                db.command("collMod", name, viewOn=names.ORDERS, pipeline=pipeline)


def _create(db: MongoDatabase, name: str, **options: Any) -> None:
    try:
        db.create_collection(name, check_exists=False, **options)
    except (CollectionInvalid, OperationFailure) as error:
        # Two programs that start together both find it missing.
        if isinstance(error, OperationFailure) and error.code != 48:
            raise


def _ensure_index(db: MongoDatabase, name: str, model: IndexModel) -> None:
    try:
        db[name].create_indexes([model])
    except OperationFailure as error:
        if error.code not in (_INDEX_OPTIONS_CONFLICT, _INDEX_KEY_SPECS_CONFLICT):
            raise
        db[name].drop_index(model.document["name"])
        db[name].create_indexes([model])
