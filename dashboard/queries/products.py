"""Which products sell best."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.queries.buckets import id_range, pieces
from dashboard.ranges import Window
from ecom_platform.kpi import Grain
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import KPI_PRODUCT, PRODUCTS

__all__ = ["ProductSales", "top_products"]


@dataclass(frozen=True)
class ProductSales:
    """Net sales and units of one product; an article nobody has described yet is called by its number."""

    product_id: int
    name: str
    net_cents: int
    units: int


def top_products(db: MongoDatabase, window: Window, limit: int = 10) -> list[ProductSales]:
    """The best-selling products of `window` (whole hours) by net sales, ties by product number."""
    ranges = [{"_id": id_range(grain, part, f"{grain.label}/")} for grain, part in pieces(window, Grain.HOUR)]
    if not ranges:
        return []
    rows = db[KPI_PRODUCT].aggregate(
        [
            {"$match": {"$or": ranges}},
            {"$project": {"sold": {"$objectToArray": "$products"}}},
            {"$unwind": "$sold"},
            {
                "$group": {
                    "_id": {"$toLong": "$sold.k"},
                    "net_cents": {"$sum": "$sold.v.net_cents"},
                    "units": {"$sum": "$sold.v.units"},
                }
            },
            # A product whose every order was cancelled is left with zeros.
            {"$match": {"units": {"$gt": 0}}},
            {"$sort": {"net_cents": -1, "_id": 1}},
            {"$limit": limit},
            {"$lookup": {"from": PRODUCTS, "localField": "_id", "foreignField": "_id", "as": "product"}},
        ]
    )
    return [ProductSales(row["_id"], _name(row["_id"], row["product"]), row["net_cents"], row["units"]) for row in rows]


def _name(product_id: int, described: list[dict[str, str]]) -> str:
    return described[0]["name"] if described else f"Product {product_id}"
