"""Compare millions of rollup amounts in little memory, and name those that differ.

Rollups are sums, so a linear fingerprint compares them: Σ amount × hash(document, field) per slice (a collection, grain
and day) is equal on both sides when every amount is, in any order of the parts, and differs otherwise but for
one chance in 2^60. Only slices that differ are then gathered field by field.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from ecom_platform.kpi import Grain
from ecom_platform.store import collections as names

COMPARED = (names.KPI_MINUTE, names.KPI_CUBE, names.KPI_PRODUCT, names.STOCK)

_GRAINS = {grain.label: grain for grain in Grain}


class Collector(Protocol):
    """Takes the amounts of one document; the same document may come in many parts."""

    def add(self, collection: str, key: str, amounts: Iterable[tuple[str, int]]) -> None:
        """Add amounts by field path; `key` is the document's `_id` without its partition."""


class Fingerprints:
    """One number per slice, and how many amounts went into it."""

    def __init__(self) -> None:
        self.sums: dict[str, int] = defaultdict(int)

    def add(self, collection: str, key: str, amounts: Iterable[tuple[str, int]]) -> None:
        """Fold the amounts in."""
        seed = hash((collection, key))
        self.sums[slice_of(collection, key)] += sum(amount * hash((seed, path)) for path, amount in amounts)

    def differing(self, other: Fingerprints) -> list[str]:
        """The slices that are not equal, in order."""
        both = self.sums.keys() | other.sums.keys()
        return sorted(name for name in both if self.sums.get(name, 0) != other.sums.get(name, 0))


class Amounts:
    """Every amount of some slices, by (slice, document and field)."""

    def __init__(self, slices: Collection[str]) -> None:
        self.values: dict[tuple[str, str], int] = defaultdict(int)
        self._slices = slices

    def add(self, collection: str, key: str, amounts: Iterable[tuple[str, int]]) -> None:
        """Add the amounts, if their slice is wanted."""
        name = slice_of(collection, key)
        if name in self._slices:
            for path, amount in amounts:
                self.values[name, f"{collection} {key} {path}"] += amount

    def differing(self, other: Amounts) -> list[tuple[str, int, int]]:
        """(document and field, amount here, amount there) of all that differ."""
        both = self.values.keys() | other.values.keys()
        pairs = ((name, self.values.get(name, 0), other.values.get(name, 0)) for name in sorted(both))
        return [(name[1], here, there) for name, here, there in pairs if here != there]


def slice_of(collection: str, key: str) -> str:
    """The slice of a document: its collection and grain, and its day if it has a bucket."""
    if collection == names.STOCK:
        return collection
    if collection == names.KPI_MINUTE:
        return f"{collection} {key[:10]}"
    parts = key.split("/")
    depth = 2 if collection == names.KPI_CUBE else 1
    return f"{collection} {'/'.join(parts[:depth])}/{parts[depth][:10]}"


def document_key(id_: str) -> str:
    """The `_id` of a rollup document without the partition at its end."""
    return id_.rpartition("/")[0]


def is_compared(collection: str, document: Mapping[str, Any], keep_until: datetime) -> bool:
    """Whether the document's bucket is still kept at `keep_until`, so that both sides have all of it."""
    if collection == names.STOCK:
        return True
    grain = Grain.MINUTE if collection == names.KPI_MINUTE else _GRAINS[document["grain"]]
    return not grain.expired(int(document["t"].timestamp()) // grain.seconds, keep_until)


def add_stored(collector: Collector, collection: str, document: Mapping[str, Any]) -> None:
    """Add every amount of a stored rollup document; amounts stand below its nested fields only."""
    nested = {name: value for name, value in document.items() if isinstance(value, dict)}
    collector.add(collection, document_key(document["_id"]), _leaves("", nested))


def _leaves(path: str, fields: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _leaves(f"{path}{name}.", value)
        else:
            yield f"{path}{name}", value
