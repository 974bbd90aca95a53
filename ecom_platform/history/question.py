"""What `ecom kpi` is asked: a range of time, an as-of, and filters; written as people write them, checked here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from ecom_platform.contract import PaymentType
from ecom_platform.errors import UsageError
from ecom_platform.kpi.figures import half_hour


@dataclass(frozen=True, slots=True)
class Filters:
    """Repeats of a kind are alternatives, kinds apply together; empty or None: everything."""

    warehouses: tuple[int, ...] = ()
    couriers: tuple[int, ...] = ()
    category: str | None = None
    payments: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """As it stands in the answer."""
        return {
            "warehouse": list(self.warehouses),
            "courier": list(self.couriers),
            "category": self.category,
            "payment": list(self.payments),
        }

    def chosen(self) -> set[str]:
        """The kinds that restrict anything."""
        return {kind for kind, value in self.to_dict().items() if value}


@dataclass(frozen=True, slots=True)
class KpiQuestion:
    """Figures of [start, end); what is due is judged at `as_of`, which is the start of a half hour."""

    start: datetime
    end: datetime
    as_of: datetime
    filters: Filters = field(default_factory=Filters)

    @classmethod
    def ask(cls, start: datetime, end: datetime, as_of: datetime, filters: Filters | None = None) -> KpiQuestion:
        """Check and cut what a person asked for.

        Raises:
            UsageError: an empty range, or a payment type that does not exist.
        """
        if start >= end:
            raise UsageError(f"--from {iso_text(start)} must be before --to {iso_text(end)}, which is not included.")
        filters = filters or Filters()
        known = [payment.value for payment in PaymentType]
        for payment in filters.payments:
            if payment not in known:
                raise UsageError(f"--payment {payment!r} does not exist; there are {', '.join(known)}.")
        return cls(start, end, half_hour(as_of), filters)


def parse_time(text: str) -> datetime:
    """A date (its first instant) or a UTC timestamp, aware. Raises UsageError."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is neither a date (2026-11-20) nor a UTC timestamp (2026-11-20T10:00:00Z)."
        ) from error
    if when.tzinfo is None:
        return when.replace(tzinfo=UTC)
    if when.utcoffset() != timedelta(0):
        raise UsageError(f"{text!r} is not in UTC; the platform's days and times are (2026-11-20T10:00:00Z).")
    return when.astimezone(UTC)


def iso_text(when: datetime) -> str:
    """A time as it stands in the answer: UTC with Z, fractions only when there are any."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
