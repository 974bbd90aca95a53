"""The one place of colours. Contrast and colour-blind distances are checked by the tests of this module.

`.streamlit/config.toml` repeats the colours of the interface, because Streamlit reads them only from there; a test
demands that both agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecom_platform.contract import PaymentType, Status

STATUS_ORDER = (Status.PENDING, Status.SHIPPED, Status.DELIVERED, Status.RETURNED, Status.CANCELLED)


@dataclass(frozen=True)
class Palette:
    """Colours of one theme, as `#RRGGBB` (the band has transparency)."""

    background: str
    surface: str
    border: str
    text: str
    muted: str
    link: str
    good: str
    warn: str
    bad: str
    status: Mapping[Status, str]
    period: str
    baseline: str
    band: str
    payment: Mapping[PaymentType, str]


def _payment_ramp(*colours: str) -> dict[PaymentType, str]:
    # A fixed order: a payment type keeps its colour when another one sells nothing in the range.
    return dict(zip(PaymentType, colours, strict=True))


LIGHT = Palette(
    background="#FFFFFF",
    surface="#F4F6F9",
    border="#D3DAE3",
    text="#0E1822",
    muted="#5A6675",
    link="#0B5CAD",
    good="#00735C",
    warn="#8A5200",
    bad="#A12A05",
    status=dict(zip(STATUS_ORDER, ("#B0891A", "#1A90FD", "#2B7D6A", "#750689", "#3A3F47"), strict=True)),
    period="#0B5CAD",
    baseline="#5A6675",
    band="rgba(110,125,145,0.18)",
    payment=_payment_ramp("#07305E", "#1F63AD", "#4C8BCB", "#7A8797"),
)

DARK = Palette(
    background="#0F1520",
    surface="#182131",
    border="#2E3A4D",
    text="#E6ECF4",
    muted="#A3B0C2",
    link="#7DBBF7",
    good="#3CC9A7",
    warn="#F0B040",
    bad="#FF895B",
    status=dict(zip(STATUS_ORDER, ("#A86800", "#2B7DE9", "#9CEFCE", "#F8B2FC", "#878D96"), strict=True)),
    period="#5AA9F2",
    baseline="#A3B0C2",
    band="rgba(110,125,145,0.18)",
    payment=_payment_ramp("#CFE6FD", "#7DBBF7", "#3A86D6", "#7F8B9B"),
)


def palette_of(theme: str | None) -> Palette:
    """The palette of Streamlit's theme type ("light" or "dark"; None while it is not known yet)."""
    return DARK if theme == "dark" else LIGHT
