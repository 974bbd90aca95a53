"""The default shop: users, products, warehouses, couriers and opening inventory, from a seed.

Faker makes the names; NumPy makes what behaviour depends on (prices, popularity, cover of the shelves).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from faker import Faker

from ecom_platform.simulator.calibration import (
    PRICE_MEDIAN_CENTS,
    PRICE_SIGMA,
    city_weights,
    normal_quantile,
    product_weights,
    random_stream,
)

DEFAULT_SEED = 1

CATEGORIES = {
    "Audio": "Headphones Speaker Earbuds Soundbar Turntable",
    "Beauty": "Serum Shampoo Lotion Perfume Lipstick",
    "Books": "Novel Atlas Cookbook Biography Almanac",
    "Computers": "Laptop Monitor Keyboard Router Webcam",
    "Fashion": "Jacket Sneakers Scarf Jeans Backpack",
    "Garden": "Planter Hose Lantern Shears Hammock",
    "Grocery": "Coffee Granola Tea Chocolate Olives",
    "Health": "Vitamins Thermometer Massager Bandages Scale",
    "Home": "Lamp Rug Kettle Blanket Mirror",
    "Phones": "Phone Charger Case Tripod Smartwatch",
    "Sports": "Dumbbell Racket Tent Helmet Bottle",
    "Toys": "Puzzle Blocks Robot Kite Dollhouse",
}
# Units one order of the default shop takes from all shelves, and the pace the shelves are laid out for.
UNITS_PER_ORDER = 2.5 * 1.28
ORDERS_PER_DAY = 86_400
COVER_DAYS = 2.5
REORDER_DAYS = 1.0

Row = dict[str, Any]


@dataclass(frozen=True)
class ShopSizes:
    """How many of everything."""

    users: int = 5_000
    cities: int = 40
    products: int = 500
    warehouses: int = 6
    couriers: int = 24


@dataclass(frozen=True)
class Dimensions:
    """Rows of the five dimensions, shaped like their documents in MongoDB (`_id` = natural key)."""

    users: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=list)
    warehouses: list[Row] = field(default_factory=list)
    couriers: list[Row] = field(default_factory=list)
    inventory: list[Row] = field(default_factory=list)


def default_shop(seed: int = DEFAULT_SEED, sizes: ShopSizes | None = None) -> Dimensions:
    """Return the shop of a seed: the same rows in the same order, every time and everywhere."""
    sizes = sizes or ShopSizes()
    fake = Faker("en_US")
    fake.seed_instance(seed)
    cities = [fake.unique.city() for _ in range(sizes.cities)]
    warehouses = [
        {"_id": number, "name": f"{city} Warehouse", "city": city}
        for number, city in enumerate(cities[: sizes.warehouses], start=1)
    ]
    couriers = [
        {"_id": number, "name": fake.name(), "warehouse_id": (number - 1) * sizes.warehouses // sizes.couriers + 1}
        for number in range(1, sizes.couriers + 1)
    ]
    return Dimensions(
        users=_users(fake, seed, cities, sizes.users),
        products=_products(fake, seed, sizes.products),
        warehouses=warehouses,
        couriers=couriers,
        inventory=_inventory(seed, sizes),
    )


def _users(fake: Faker, seed: int, cities: list[str], count: int) -> list[Row]:
    homes = random_stream(seed, "cities").choice(len(cities), size=count, p=city_weights(len(cities)))
    return [
        {"_id": number, "name": fake.name(), "email": f"user{number}@example.com", "city": cities[home]}
        for number, home in enumerate(homes.tolist(), start=1)
    ]


def _products(fake: Faker, seed: int, count: int) -> list[Row]:
    names = list(CATEGORIES)
    prices = _prices(seed, count)
    rows = []
    for number in range(1, count + 1):
        category = names[(number - 1) % len(names)]
        things = CATEGORIES[category].split()
        thing = things[(number - 1) // len(names) % len(things)]
        name = f"{fake.last_name()} {thing}"
        rows.append({"_id": number, "name": name, "category": category, "price_cents": prices[number - 1]})
    return rows


def _prices(seed: int, count: int) -> list[int]:
    """Return prices whose distribution over *sold lines* is the calibrated log-normal one.

    A handful of products makes a third of the lines, so independent draws would give every seed another shop. Walking
    through the products in random order and reading the quantile at each one's share of sales removes that luck.
    """
    weights = product_weights(seed, count)
    order = random_stream(seed, "prices").permutation(count)
    middles = np.cumsum(weights[order]) - weights[order] / 2
    prices = np.empty(count)
    prices[order] = PRICE_MEDIAN_CENTS * np.exp(PRICE_SIGMA * normal_quantile(middles))
    return [max(99, round(price / 100) * 100 - 1) for price in prices.tolist()]


def _inventory(seed: int, sizes: ShopSizes) -> list[Row]:
    per_day = ORDERS_PER_DAY * UNITS_PER_ORDER * product_weights(seed, sizes.products) / sizes.warehouses
    rows = []
    for warehouse in range(1, sizes.warehouses + 1):
        for product, units in enumerate(per_day.tolist(), start=1):
            opening, reorder = max(20, round(units * COVER_DAYS)), max(8, round(units * REORDER_DAYS))
            key = {"_id": f"{warehouse}-{product}", "warehouse_id": warehouse, "product_id": product}
            rows.append({**key, "opening": opening, "reorder_point": reorder})
    return rows
