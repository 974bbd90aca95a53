"""Colours: one place, readable, and the same in the configuration of the interface."""

from __future__ import annotations

import re
import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from dashboard.palette import DARK, LIGHT, palette_of

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
THEMES = [("light", LIGHT), ("dark", DARK)]


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """The contrast ratio of two colours, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("name", "colours"), THEMES)
def test_text_can_be_read(name, colours):
    """Text of every meaning has at least 5.4:1 on the background, and 4.5:1 on a badge of its colour."""
    theme = CONFIG["theme"][name]
    for text in (colours.text, colours.muted, colours.link, colours.good, colours.warn, colours.bad):
        assert contrast(text, colours.background) >= 5.4
    for hue in ("green", "orange", "red", "blue", "gray"):
        assert contrast(theme[f"{hue}TextColor"], theme[f"{hue}BackgroundColor"]) >= 4.5


@pytest.mark.parametrize(("name", "colours"), THEMES)
def test_marks_stand_out(name, colours):
    """Bars and lines have at least 3:1 on the background, and no two states share a colour."""
    marks = [*colours.status.values(), *colours.payment.values(), colours.period, colours.baseline]
    assert all(contrast(mark, colours.background) >= 3 for mark in marks)
    assert all(one != other for one, other in combinations(colours.status.values(), 2))


@pytest.mark.parametrize(("name", "colours"), THEMES)
def test_the_interface_has_the_colours_of_the_palette(name, colours):
    """Streamlit reads its colours from a file: they are those of the palette, and no web address is in it."""
    theme = CONFIG["theme"][name]

    assert theme["backgroundColor"] == colours.background
    assert theme["secondaryBackgroundColor"] == colours.surface
    assert theme["borderColor"] == colours.border
    assert theme["textColor"] == colours.text
    assert theme["primaryColor"] == theme["linkColor"] == theme["blueColor"] == colours.link
    assert theme["greenColor"] == theme["greenTextColor"] == colours.good
    assert theme["orangeColor"] == theme["orangeTextColor"] == colours.warn
    assert theme["redColor"] == theme["redTextColor"] == colours.bad
    assert theme["grayColor"] == theme["grayTextColor"] == colours.muted


def test_no_other_module_knows_a_colour_and_nothing_points_to_the_web():
    """A colour is written in the palette or nowhere; no page asks another host for a font or a script."""
    for file in (ROOT / "dashboard").rglob("*.py"):
        text = file.read_text()
        assert "http" not in text, file
        assert file.name == "palette.py" or not re.search(r"#[0-9A-Fa-f]{6}\b", text), file
    assert "http" not in (ROOT / ".streamlit" / "config.toml").read_text()


def test_the_theme_is_light_until_it_is_known():
    """Streamlit does not know the theme on the very first run."""
    assert palette_of(None) is LIGHT
    assert palette_of("dark") is DARK
