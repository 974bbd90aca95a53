"""A rule that was added by half is found here: each message names a place of CONTRIBUTING.md that was forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecom_platform.alerts import Rule
from ecom_platform.alerts.catalogue import ABOUT

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
PAGES = re.findall(r'^    \("(\w+)", ', (ROOT / "dashboard" / "app.py").read_text(encoding="utf-8"), re.MULTILINE)
UNITS = {"orders/min", "cents", "share", "seconds", "units", "products"}


def severities() -> dict[str, str]:
    """What the table of docs/alerts.md says of each rule."""
    rows = re.findall(r"^\| (`[^|]+`) \|.*\| (\w+) \|$", TEXT, re.MULTILINE)
    return {rule: severity for rules, severity in rows for rule in re.findall(r"`(\w+)`", rules)}


@pytest.mark.parametrize("rule", Rule)
def test_a_rule_has_words_a_severity_and_a_page_that_shows_why(rule: Rule) -> None:
    """The page is one of the dashboard's, and its unit one that readers are told."""
    assert rule in ABOUT, f"ABOUT in alerts/catalogue.py has no {rule}"
    about = ABOUT[rule]
    assert about.page in PAGES, f"there is no page {about.page}"
    assert about.unit in UNITS, f"_amount in dashboard/alert_words.py cannot show {about.unit}"


@pytest.mark.parametrize("rule", Rule)
def test_the_page_about_alerts_has_a_row_of_a_rule_with_its_severity(rule: Rule) -> None:
    """In the table of the rules."""
    assert severities().get(rule) == ABOUT[rule].severity, f"the table of docs/alerts.md has no row of {rule}"
