"""What sells: products ranked over a window, one product over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from dashboard.queries.buckets import Source, id_range, instants, products
from dashboard.ranges import Window
from ecom_platform.history.question import Filters
from ecom_platform.kpi import PRODUCTS_PER_BLOCK, UNKNOWN, Grain
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import KPI_PRODUCT, PRODUCTS

Measure = Literal["net_cents", "units"]


@dataclass(frozen=True)
class ProductSales:
    """Sales of one product, cancelled orders out; one without a description yet is called by its number."""

    product_id: int
    name: str
    category: str
    net_cents: int
    gross_cents: int
    units: int


@dataclass(frozen=True)
class ProductBucket:
    """Sales of one product in the bucket that starts `at`."""

    at: datetime
    net_cents: int = 0
    units: int = 0


def product_sales(
    db: MongoDatabase, window: Window, filters: Filters, by: Measure = "net_cents", limit: int | None = None
) -> list[ProductSales]:
    """The products sold in `window` (whole hours), best first, ties by product number.

    Of the filters it honours the warehouse and the category; the category is the one the product has today.
    """
    rows = _sums(db, products(window, filters))
    described = {row["_id"]: row for row in db[PRODUCTS].find({}, {"name": 1, "category": 1})} if rows else {}
    found = [
        ProductSales(
            row["_id"],
            described.get(row["_id"], {}).get("name", f"Product {row['_id']}"),
            described.get(row["_id"], {}).get("category", UNKNOWN),
            row["net_cents"],
            row["gross_cents"],
            row["units"],
        )
        for row in rows
    ]
    chosen = [product for product in found if filters.category in (None, product.category)]
    return sorted(chosen, key=lambda product: (-getattr(product, by), product.product_id))[:limit]


def rank_changes(ranked: list[ProductSales], before: list[ProductSales]) -> dict[int, int | None]:
    """How many places each product rose (positive) or fell since `before`; None: it was not sold then."""
    places = {product.product_id: place for place, product in enumerate(before)}
    return {
        product.product_id: places[product.product_id] - place if product.product_id in places else None
        for place, product in enumerate(ranked)
    }


def product_by_bucket(
    db: MongoDatabase, window: Window, grain: Grain, filters: Filters, product_id: int
) -> list[ProductBucket]:
    """Sales of one product per hour or day of `window`, buckets without a sale as zeros."""
    match: dict[str, Any] = {"_id": id_range(grain, window, f"{grain.label}/")}
    match["block"] = product_id // PRODUCTS_PER_BLOCK
    if filters.warehouses:
        match["warehouse_id"] = {"$in": list(filters.warehouses)}
    source = Source(KPI_PRODUCT, match if window.start < window.end else None)
    sums = {name: {"$sum": f"$products.{product_id}.{name}"} for name in ("net_cents", "units")}
    rows = source.aggregate(db, {"$group": {"_id": "$t", **sums}})
    found = {row["_id"]: ProductBucket(row["_id"], row["net_cents"], row["units"]) for row in rows}
    return [found.get(at, ProductBucket(at)) for at in instants(window, grain)]


def _sums(db: MongoDatabase, source: Source) -> list[dict[str, Any]]:
    """Per product; one whose every order was cancelled is left with zeros and dropped."""
    sums = {name: {"$sum": f"$sold.v.{name}"} for name in ("net_cents", "gross_cents", "units")}
    return source.aggregate(
        db,
        {"$project": {"sold": {"$objectToArray": "$products"}}},
        {"$unwind": "$sold"},
        {"$group": {"_id": {"$toLong": "$sold.k"}, **sums}},
        {"$match": {"units": {"$gt": 0}}},
    )
