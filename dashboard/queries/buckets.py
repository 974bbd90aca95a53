"""Which documents a window is made of: whole days from day documents, what sticks out from finer ones, or the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.ranges import DAY, Window
from ecom_platform.contract.times import midnight
from ecom_platform.history.question import Filters
from ecom_platform.kpi import Grain, bucket_name, bucket_time
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import KPI_CUBE, KPI_MINUTE, KPI_PRODUCT, ORDERS


@dataclass(frozen=True)
class Source:
    """Documents to sum over; no `match`: nothing to read."""

    collection: str
    match: Mapping[str, Any] | None

    @property
    def is_facts(self) -> bool:
        """Whether these are orders and not sums of them."""
        return self.collection == ORDERS

    def aggregate(self, db: MongoDatabase, *stages: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows that `stages` make of the documents."""
        if self.match is None:
            return []
        return list(db[self.collection].aggregate([{"$match": self.match}, *stages]))


def placed(window: Window, grain: Grain, filters: Filters, *, whole: bool) -> Source:
    """Orders by the time they were placed.

    Args:
        grain: of the chart: minutes; else half hours or days.
        whole: the window is summed up, so that whole days may come from day documents.
    """
    if grain is Grain.MINUTE and (filters.couriers or filters.category):
        return facts(window, filters)
    if grain is Grain.MINUTE:
        ranges = [{"_id": id_range(grain, window)}] if window.start < window.end else []
        return Source(KPI_MINUTE, _match(ranges, filters))
    return cube("P", window, grain, filters, whole=whole)


def facts(window: Window, filters: Filters) -> Source:
    """The orders themselves: minutes are kept by warehouse only, and an hour of orders is few enough to be counted."""
    match = {"order_time": {"$gte": window.start, "$lt": window.end}, **of_orders(filters)}
    return Source(ORDERS, match if window.start < window.end else None)


def of_orders(filters: Filters) -> dict[str, Any]:
    """The filters, but for the category, as a match on orders."""
    payments = {"payment_type": {"$in": list(filters.payments)}} if filters.payments else {}
    return {**_places(filters, "delivery.courier_id"), **payments}


def cube(basis: str, window: Window, grain: Grain, filters: Filters, *, whole: bool) -> Source:
    """Documents of the cube by the time of `basis`: P placed, D promised, H step."""
    parts = pieces(window, Grain.HALF_HOUR) if whole else [(grain, window)] if window.start < window.end else []
    ranges = [{"_id": id_range(size, part, f"{basis}/{size.label}/")} for size, part in parts]
    return Source(KPI_CUBE, _match(ranges, filters))


def products(window: Window, filters: Filters) -> Source:
    """Sales per product of whole hours; of the filters it knows the warehouse."""
    ranges = [{"_id": id_range(grain, part, f"{grain.label}/")} for grain, part in pieces(window, Grain.HOUR)]
    return Source(KPI_PRODUCT, _match(ranges, Filters(warehouses=filters.warehouses)))


def pieces(window: Window, fine: Grain) -> list[tuple[Grain, Window]]:
    """Split `window` so that as few documents as possible are read; its ends lie on buckets of the fine grain."""
    first_midnight = midnight(window.start + DAY - timedelta(microseconds=1))
    last_midnight = midnight(window.end)
    if first_midnight >= last_midnight:
        return [(fine, window)] if window.start < window.end else []
    parts = [
        (fine, Window(window.start, first_midnight)),
        (Grain.DAY, Window(first_midnight, last_midnight)),
        (fine, Window(last_midnight, window.end)),
    ]
    return [(grain, part) for grain, part in parts if part.start < part.end]


def instants(window: Window, grain: Grain) -> list[datetime]:
    """The start of every bucket of `window`, in order."""
    first, last = (int(end.timestamp()) // grain.seconds for end in (window.start, window.end))
    return [bucket_time(grain, number) for number in range(first, last)]


def id_range(grain: Grain, window: Window, prefix: str = "") -> dict[str, str]:
    """The `_id`s of the buckets in `window`: their names sort like the times they stand for."""
    return {
        "$gte": f"{prefix}{bucket_name(grain, window.start)}",
        "$lt": f"{prefix}{bucket_name(grain, window.end)}",
    }


def _match(ranges: list[dict[str, Any]], filters: Filters) -> dict[str, Any] | None:
    return {"$or": ranges, **_places(filters, "courier_id")} if ranges else None


def _places(filters: Filters, courier_field: str) -> dict[str, Any]:
    match: dict[str, Any] = {}
    if filters.warehouses:
        match["warehouse_id"] = {"$in": list(filters.warehouses)}
    if filters.couriers:
        match[courier_field] = {"$in": list(filters.couriers)}
    return match
