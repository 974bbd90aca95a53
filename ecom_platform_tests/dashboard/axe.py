"""What axe-core finds on a page that keeps a reader out, but for what can only be mended in Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

LOOKS = 5
SERIOUS = {"serious", "critical"}


@dataclass(frozen=True)
class Known:
    """A finding that can only be mended in Streamlit: which rule, on which elements, and why."""

    rule: str
    selector: str
    reason: str


KNOWN = (
    Known(
        "svg-img-alt",
        '[data-testid="stMetricChart"] [class*="_highlighted_points_marks"]',
        "The line in st.metric is a Vega chart; the group for its hover point is empty and has a role without a name.",
    ),
)


def findings(page: Page) -> set[tuple[str, str, str]]:
    """What is serious now: rule, element, and what is wrong with it."""
    return {
        (rule["id"], node["target"][0], node["failureSummary"])
        for rule in Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        for node in rule["nodes"]
        if rule["impact"] in SERIOUS
    }


def lasting(page: Page) -> set[tuple[str, str, str]]:
    """What is found at every look: while something is being drawn anew it is pale for a moment."""
    found = findings(page)
    for _ in range(LOOKS):
        if all(is_known(page, rule, target) for rule, target, _ in found):
            break
        page.wait_for_timeout(700)
        again = {(rule, target) for rule, target, _ in findings(page)}
        found = {one for one in found if one[:2] in again}
    return found


def is_known(page: Page, rule: str, target: str) -> bool:
    """Whether the finding is one of those listed."""
    return any(
        known.rule == rule
        and page.evaluate("([at, like]) => document.querySelector(at)?.matches(like) ?? true", [target, known.selector])
        for known in KNOWN
    )


def unknown(page: Page) -> list[tuple[str, str, str]]:
    """What has no excuse."""
    return [one for one in sorted(lasting(page)) if not is_known(page, *one[:2])]
