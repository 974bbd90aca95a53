"""How numbers are written on every screen. An unknown number is "—", never 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

UNKNOWN = "—"
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
_WHOLE_UNITS_FROM_CENTS = 1_000_000


def currency_sign(currency: str) -> str:
    """What stands before an amount: a sign where one is common, else the code and a space."""
    return _SIGNS.get(currency, f"{currency} ")


def exact_money(cents: int | None, currency: str) -> str:
    """An amount with its cents, for tables: $1,234.50."""
    if cents is None:
        return UNKNOWN
    return f"{'-' if cents < 0 else ''}{currency_sign(currency)}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def money(cents: int | None, currency: str) -> str:
    """An amount for a tile: with cents below 10,000, whole units (half up) from there on."""
    if cents is None or abs(cents) < _WHOLE_UNITS_FROM_CENTS:
        return exact_money(cents, currency)
    return f"{'-' if cents < 0 else ''}{currency_sign(currency)}{(abs(cents) + 50) // 100:,}"


def count(number: int | None) -> str:
    """A whole number: 84,211."""
    return UNKNOWN if number is None else f"{number:,}"


def megabytes(number: int) -> str:
    """Bytes: 1,204.5 MB."""
    return f"{number / 1e6:,.1f} MB"


def per_minute(rate: float | None) -> str:
    """How many come per minute: 42.0/min."""
    return UNKNOWN if rate is None else f"{rate:,.1f}/min"


def took(seconds: float) -> str:
    """How long a run took: 27 s; from a minute on 1 m, 1 h 12 m."""
    return f"{seconds:.0f} s" if seconds < 60 else duration(seconds)


def counted(number: int, noun: str, plural: str = "") -> str:
    """How many of what: 1 run, 2 runs."""
    return f"{count(number)} {noun if number == 1 else plural or f'{noun}s'}"


def sums(series: Mapping[str, Sequence[int]]) -> str:
    """What series add up to: Cash 1,204, Wallet 31."""
    return ", ".join(f"{name} {count(sum(counts))}" for name, counts in series.items())


def share(part_of_one: float | None) -> str:
    """A share: 93.4 %."""
    return UNKNOWN if part_of_one is None else f"{100 * part_of_one:.1f} %"


def change(relative: float | None) -> str | None:
    """A relative change with its sign: +4.2 %; None when it is not known.

    The minus is ASCII: Streamlit reads the direction of a change from it.
    """
    return None if relative is None else _signed(f"{100 * relative:+.1f}", "%")


def points(difference: float | None) -> str | None:
    """A difference between two shares, in percentage points: -1.2 pp."""
    return None if difference is None else _signed(f"{100 * difference:+.1f}", "pp")


def rise(places: int | None) -> str:
    """How far something rose in a ranking: ▲2, ▼1, = or new."""
    if places is None:
        return "new"
    return f"▲{places}" if places > 0 else f"▼{-places}" if places < 0 else "="


def duration(seconds: float | None) -> str:
    """A length of time to the minute: 1 h 12 m; a negative one is early: 12 m early."""
    if seconds is None:
        return UNKNOWN
    hours, minutes = divmod(round(abs(seconds) / 60), 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} m" if not days else ""]
    text = " ".join(part for part in parts if part)
    return f"{text} early" if seconds < -30 else text


def age(seconds: int) -> str:
    """How old figures are, in one unit: 35 s, 7 m, 3 h."""
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} m" if minutes < 120 else f"{minutes // 60} h"


def days(number: float | None) -> str:
    """How long stock lasts: 0.4 d; from 90 days on: > 90 d; what is oversold lasts 0.0 d."""
    if number is None:
        return UNKNOWN
    return "> 90 d" if number > 90 else f"{max(number, 0.0):.1f} d"


def _signed(number: str, unit: str) -> str:
    return f"{'0.0' if float(number) == 0 else number} {unit}"


def clock(instant: datetime | None) -> str:
    """A time of day to the second."""
    return UNKNOWN if instant is None else f"{instant:%H:%M:%S}"


def minute(instant: datetime | None) -> str:
    """A time of day to the minute."""
    return UNKNOWN if instant is None else f"{instant:%H:%M}"


def moment(instant: datetime, now: datetime) -> str:
    """A time of day to the minute, with its day unless that is the day of `now`: 22 Nov 14:30."""
    return minute(instant) if instant.date() == now.date() else f"{instant:%d %b %H:%M}"
