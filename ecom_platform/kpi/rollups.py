"""The rollups in memory: contributions folded by key, and the increments of MongoDB documents they stand for.

Folding uses tuple keys and lists of integers (a document's field names are made once per key and chunk, not once per
order); day buckets are summed from half hours and hours when the increments are made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ecom_platform.contract import Status
from ecom_platform.kpi.buckets import PRODUCTS_PER_BLOCK, Grain, bucket_label, bucket_time, field_key

# The collections of MongoDB that increments are for.
KPI_MINUTE: Final = "kpi_minute"
KPI_CUBE: Final = "kpi_cube"
KPI_PRODUCT: Final = "kpi_product"
STOCK: Final = "stock"

PAYMENT_FIELDS = (
    "orders",
    "booked_cents",
    "revenue_cents",
    "returned_cents",
    "cancelled_cents",
    "subtotal_cents",
    "discount_cents",
    "units",
)
STATUS_FIELDS = tuple(status.value for status in Status)
CATEGORY_FIELDS = (
    "orders",
    "valid_orders",
    "units",
    "gross_cents",
    "net_cents",
    "booked_net_cents",
    "discount_cents",
)
CITY_FIELDS = ("orders", "revenue_cents")
PROMISE_FIELDS = ("due", "on_time", "delivered", "delay_seconds")
PRODUCT_FIELDS = ("units", "gross_cents", "net_cents")
STOCK_FIELDS = ("received", "shipped", "returned", "reserved")

Amounts = list[int]
Folded = defaultdict[tuple[Any, ...], Amounts]


def _folded(width: int) -> Callable[[], Folded]:
    return lambda: defaultdict(lambda: [0] * width)


@dataclass(slots=True)
class Increment:
    """What to add to one rollup document.

    Attributes:
        start: fields that a new document begins with.
        tree: amounts, nested as in the document; never zero.
    """

    collection: str
    id: str
    start: Mapping[str, Any]
    tree: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the document that this increment starts."""
        return {"_id": self.id, **self.start, **self.tree}

    @property
    def amounts(self) -> dict[str, int]:
        """Amounts by dotted path, as `$inc` takes them."""
        return dict(_paths(self.tree))


@dataclass(slots=True)
class Rollups:
    """Folded contributions. Keys begin with a bucket number; warehouse and courier are ids, the rest names.

    Attributes:
        minute_payment: (minute, warehouse, payment) → PAYMENT_FIELDS and STATUS_FIELDS.
        minute_city: (minute, warehouse, city) → CITY_FIELDS.
        cube_payment: (half hour, warehouse, courier, payment) → as minute_payment, by order time.
        cube_category: (half hour, warehouse, courier, category, payment) → CATEGORY_FIELDS.
        cube_city: (half hour, warehouse, courier, city) → CITY_FIELDS.
        cube_promise: (half hour, warehouse, courier, payment) → PROMISE_FIELDS, by expected time.
        cube_delay: the same key and a delay bin → count.
        cube_step: (half hour, warehouse, courier, payment) → STATUS_FIELDS, by the time of the step.
        product: (hour, warehouse, product) → PRODUCT_FIELDS.
        stock: (warehouse, product) → STOCK_FIELDS.
    """

    minute_payment: Folded = field(default_factory=_folded(len(PAYMENT_FIELDS + STATUS_FIELDS)))
    minute_city: Folded = field(default_factory=_folded(len(CITY_FIELDS)))
    cube_payment: Folded = field(default_factory=_folded(len(PAYMENT_FIELDS + STATUS_FIELDS)))
    cube_category: Folded = field(default_factory=_folded(len(CATEGORY_FIELDS)))
    cube_city: Folded = field(default_factory=_folded(len(CITY_FIELDS)))
    cube_promise: Folded = field(default_factory=_folded(len(PROMISE_FIELDS)))
    cube_delay: Folded = field(default_factory=_folded(1))
    cube_step: Folded = field(default_factory=_folded(len(STATUS_FIELDS)))
    product: Folded = field(default_factory=_folded(len(PRODUCT_FIELDS)))
    stock: Folded = field(default_factory=_folded(len(STOCK_FIELDS)))

    def increments(self, partition: int, now: datetime) -> list[Increment]:
        """Return the document increments of these contributions, in a stable order.

        Args:
            partition: part of every `_id`, so that two tasks never write one document; readers sum over partitions.
            now: buckets past their retention at this instant are dropped.
        """
        documents = _Documents(partition, now)
        documents.add_minutes(self.minute_payment, self.minute_city)
        for grain in (Grain.HALF_HOUR, Grain.DAY):
            documents.add_cube(self, grain)
        for grain in (Grain.HOUR, Grain.DAY):
            documents.add_products(self.product, grain)
        documents.add_stock(self.stock)
        return sorted(documents.written(), key=lambda increment: (increment.collection, increment.id))


class _Documents:
    """Collects increments by document while the folded keys are turned into paths."""

    def __init__(self, partition: int, now: datetime) -> None:
        self._partition = partition
        self._now = now
        self._by_key: dict[tuple[Any, ...], Increment | None] = {}

    def written(self) -> Iterator[Increment]:
        return (increment for increment in self._by_key.values() if increment and increment.tree)

    def add_minutes(self, payments: Folded, cities: Folded) -> None:
        for (minute, warehouse, payment), amounts in payments.items():
            _add_payment(self._minute(minute, warehouse), payment, amounts)
        for (minute, warehouse, city), amounts in cities.items():
            _add(self._minute(minute, warehouse), CITY_FIELDS, amounts, "city", field_key(city))

    def add_cube(self, rollups: Rollups, grain: Grain) -> None:
        for (bucket, warehouse, courier, payment), amounts in _coarser(rollups.cube_payment, grain):
            _add_payment(self._cube("P", grain, bucket, warehouse, courier), payment, amounts)
        for (bucket, warehouse, courier, category, payment), amounts in _coarser(rollups.cube_category, grain):
            document = self._cube("P", grain, bucket, warehouse, courier)
            _add(document, CATEGORY_FIELDS, amounts, "category", field_key(category), field_key(payment))
        for (bucket, warehouse, courier, city), amounts in _coarser(rollups.cube_city, grain):
            _add(self._cube("P", grain, bucket, warehouse, courier), CITY_FIELDS, amounts, "city", field_key(city))
        for (bucket, warehouse, courier, payment), amounts in _coarser(rollups.cube_promise, grain):
            document = self._cube("D", grain, bucket, warehouse, courier)
            _add(document, PROMISE_FIELDS, amounts, "payment", field_key(payment))
        for (bucket, warehouse, courier, payment, delay), amounts in _coarser(rollups.cube_delay, grain):
            document = self._cube("D", grain, bucket, warehouse, courier)
            _add(document, (str(delay),), amounts, "payment", field_key(payment), "bins")
        for (bucket, warehouse, courier, payment), amounts in _coarser(rollups.cube_step, grain):
            document = self._cube("H", grain, bucket, warehouse, courier)
            _add(document, STATUS_FIELDS, amounts, "payment", field_key(payment), "steps")

    def add_products(self, products: Folded, grain: Grain) -> None:
        for (bucket, warehouse, product), amounts in _coarser(products, grain, base=Grain.HOUR):
            document = self._product(grain, bucket, warehouse, product // PRODUCTS_PER_BLOCK)
            _add(document, PRODUCT_FIELDS, amounts, "products", str(product))

    def add_stock(self, stock: Folded) -> None:
        for (warehouse, product), amounts in stock.items():
            document = self._stock(warehouse, product // PRODUCTS_PER_BLOCK)
            _add(document, STOCK_FIELDS, amounts, "products", str(product))

    def _minute(self, minute: int, warehouse: int) -> Increment | None:
        key = (minute, warehouse)
        if key not in self._by_key:
            start = {"t": bucket_time(Grain.MINUTE, minute), "warehouse_id": warehouse}
            name = f"{bucket_label(Grain.MINUTE, minute)}/{warehouse}"
            self._by_key[key] = self._new(KPI_MINUTE, name, Grain.MINUTE, minute, start)
        return self._by_key[key]

    def _cube(self, basis: str, grain: Grain, bucket: int, warehouse: int, courier: int) -> Increment | None:
        key = (basis, grain.label, bucket, warehouse, courier)
        if key not in self._by_key:
            start = {"basis": basis, "warehouse_id": warehouse, "courier_id": courier, **_time_fields(grain, bucket)}
            name = f"{basis}/{grain.label}/{bucket_label(grain, bucket)}/{warehouse}/{courier}"
            self._by_key[key] = self._new(KPI_CUBE, name, grain, bucket, start)
        return self._by_key[key]

    def _product(self, grain: Grain, bucket: int, warehouse: int, block: int) -> Increment | None:
        key = (grain.label, bucket, warehouse, block)
        if key not in self._by_key:
            start = {"warehouse_id": warehouse, "block": block, **_time_fields(grain, bucket)}
            name = f"{grain.label}/{bucket_label(grain, bucket)}/{warehouse}/{block}"
            self._by_key[key] = self._new(KPI_PRODUCT, name, grain, bucket, start)
        return self._by_key[key]

    def _stock(self, warehouse: int, block: int) -> Increment | None:
        key = (STOCK, warehouse, block)
        if key not in self._by_key:
            start = {"warehouse_id": warehouse, "block": block}
            self._by_key[key] = self._new(STOCK, f"{warehouse}/{block}", Grain.DAY, 0, start)
        return self._by_key[key]

    def _new(self, collection: str, name: str, grain: Grain, bucket: int, start: dict[str, Any]) -> Increment | None:
        """Return the increment of a document, or None when its bucket is past its retention."""
        if grain.expired(bucket, self._now):
            return None
        return Increment(collection, f"{name}/{self._partition}", {**start, "partition": self._partition})


def _time_fields(grain: Grain, bucket: int) -> dict[str, Any]:
    when = bucket_time(grain, bucket)
    expiry = {"expires_at": when + grain.retention} if grain.retention else {}
    return {"grain": grain.label, "t": when, **expiry}


def _add_payment(document: Increment | None, payment: str, amounts: Amounts) -> None:
    slots = len(PAYMENT_FIELDS)
    _add(document, PAYMENT_FIELDS, amounts[:slots], "payment", field_key(payment))
    _add(document, STATUS_FIELDS, amounts[slots:], "payment", field_key(payment), "status")


def _add(document: Increment | None, fields: tuple[str, ...], amounts: Amounts, *names: str) -> None:
    """Put the amounts that are not zero below the given names."""
    if document is None or not any(amounts):
        return
    node = document.tree
    for name in names:
        node = node.setdefault(name, {})
    for name, amount in zip(fields, amounts, strict=True):
        if amount:
            node[name] = amount


def _paths(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    for name, value in tree.items():
        if isinstance(value, int):
            yield f"{prefix}{name}", value
        else:
            yield from _paths(value, f"{prefix}{name}.")


def _coarser(folded: Folded, grain: Grain, base: Grain = Grain.HALF_HOUR) -> Iterable[tuple[tuple[Any, ...], Amounts]]:
    """Sum buckets of the base grain into buckets of `grain`."""
    if grain is base:
        return folded.items()
    per_bucket = grain.seconds // base.seconds
    summed: dict[tuple[Any, ...], Amounts] = {}
    for (bucket, *rest), amounts in folded.items():
        key = (bucket // per_bucket, *rest)
        found = summed.get(key)
        if found is None:
            summed[key] = list(amounts)
        else:
            for slot, amount in enumerate(amounts):
                found[slot] += amount
    return summed.items()
