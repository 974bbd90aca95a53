"""What warehouses, couriers and products are called, and which categories there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecom_platform.kpi import UNKNOWN
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.collections import COURIERS, PRODUCTS, WAREHOUSES


@dataclass(frozen=True)
class Names:
    """By number; one without a description yet is called by its number."""

    warehouses: Mapping[int, str] = field(default_factory=dict)
    couriers: Mapping[int, str] = field(default_factory=dict)
    products: Mapping[int, str] = field(default_factory=dict)
    categories: tuple[str, ...] = ()

    def warehouse(self, number: int) -> str:
        """As charts and tables call it: "3 Lyon Warehouse"."""
        return f"{number} {self.warehouses[number]}" if number in self.warehouses else f"Warehouse {number}"

    def courier(self, number: int) -> str:
        """As charts and tables call them: "7 Ann Smith"."""
        return f"{number} {self.couriers[number]}" if number in self.couriers else f"Courier {number}"

    def product(self, number: int) -> str:
        """As charts and tables call it: "12 Jones Lamp"."""
        return f"{number} {self.products[number]}" if number in self.products else f"Product {number}"


def read_names(db: MongoDatabase) -> Names:
    """All of them; some hundred rows that hardly ever change."""
    products = list(db[PRODUCTS].find({}, {"name": 1, "category": 1}))
    categories = {row["category"] for row in products} | {UNKNOWN}
    return Names(
        {row["_id"]: row["name"] for row in db[WAREHOUSES].find({}, {"name": 1}).sort("_id")},
        {row["_id"]: row["name"] for row in db[COURIERS].find({}, {"name": 1}).sort("_id")},
        {row["_id"]: row["name"] for row in products},
        tuple(sorted(categories)),
    )
