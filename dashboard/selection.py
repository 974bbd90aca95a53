"""What a reader chose above the pages: the range and the filters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import urlencode

from dashboard.ranges import Preset, Span, resolve
from ecom_platform.history.question import Filters

Kind = str
Kinds = frozenset[Kind]
EVERY: Kinds = frozenset({"warehouse", "courier", "category", "payment"})
# Which filters a kind of figure honours (the others are not part of the rollups it comes from).
PROMISED: Kinds = EVERY - {"category"}
STOCKED: Kinds = frozenset({"warehouse", "category"})
LOCATED: Kinds = frozenset({"warehouse"})
NOTHING: Kinds = frozenset()
_PLURALS = {
    "warehouse": "warehouses",
    "courier": "couriers",
    "category": "categories",
    "payment": "payment types",
}


@dataclass(frozen=True)
class Choice:
    """A range and filters; `days` are the first and the last of custom days, when some were chosen."""

    preset: Preset
    days: tuple[date, date] | None = None
    filters: Filters = field(default_factory=Filters)

    def span(self, now: datetime) -> Span:
        """What the range means at `now`."""
        return resolve(self.preset, now, self.days)

    @property
    def pace_seconds(self) -> float | None:
        """How often figures of this range are asked again; None: not by themselves."""
        if self.preset in (Preset.MONTH, Preset.DAYS):
            return None
        return 30.0 if self.preset is Preset.WEEK else 5.0

    def honouring(self, kinds: Kinds) -> Choice:
        """The same range with only those filters that a figure honours."""
        return Choice(self.preset, self.days, honoured(self.filters, kinds))

    def ignored(self, kinds: Kinds) -> list[str]:
        """What a panel that honours `kinds` must say: "all couriers" for each chosen filter it is without."""
        return [f"all {_PLURALS[kind]}" for kind in _PLURALS if kind in self.filters.chosen() - kinds]

    def address(self, page: str, kind: Kind, value: object) -> str:
        """Where `page` shows the same range, with only `value` chosen of its kind and all else as it is."""
        days = [("days", f"{day:%Y-%m-%d}") for day in self.days or ()]
        others = [word for word in self.words() if word[0] != kind]
        return f"/{page}?{urlencode([('range', self.preset.value), *days, *others, (kind, str(value))])}"

    def values(self, kind: Kind) -> list[str]:
        """What is chosen of one kind."""
        return [value for of, value in self.words() if of == kind]

    def words(self) -> list[tuple[Kind, str]]:
        """Every chosen value with its kind, in the order of the controls."""
        filters = self.filters
        chosen: list[tuple[Kind, Iterable[object]]] = [
            ("warehouse", filters.warehouses),
            ("courier", filters.couriers),
            ("category", [filters.category] if filters.category else []),
            ("payment", filters.payments),
        ]
        return [(kind, str(value)) for kind, values in chosen for value in values]


def toggled(kind: Kind, chosen: Sequence[str], value: str) -> list[str]:
    """What is chosen of a kind after a click on `value`: with it, or without it when it was chosen before."""
    if value in chosen:
        return [other for other in chosen if other != value]
    return [value] if kind == "category" else [*chosen, value]


def honoured(filters: Filters, kinds: Kinds) -> Filters:
    """The filters without those that a figure does not honour."""
    return Filters(
        warehouses=filters.warehouses if "warehouse" in kinds else (),
        couriers=filters.couriers if "courier" in kinds else (),
        category=filters.category if "category" in kinds else None,
        payments=filters.payments if "payment" in kinds else (),
    )
