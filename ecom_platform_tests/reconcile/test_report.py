"""The report, for programs and for people."""

from __future__ import annotations

import json

from ecom_platform.kafka.held import Held
from ecom_platform.reconcile import Equation, Report
from ecom_platform.reconcile.report import first_of

GOOD, BAD = Equation("a", True, "1 = 1"), Equation("b", False, "1 ≠ 2")
SKIPPED = Equation("c", None, "not asked")


def test_one_broken_equation_breaks_the_report_and_one_that_was_not_asked_does_not() -> None:
    """What could not be asked is shown as such."""
    assert Report((GOOD, SKIPPED), 0, 0).holds
    assert not Report((GOOD, BAD), 0, 0).holds


def test_a_person_reads_marks_and_a_verdict() -> None:
    """The broken ones stand out, the lag is said."""
    text = Report((GOOD, BAD, SKIPPED), 1_234, 0).render().splitlines()

    assert [line[0] for line in text[:3]] == ["✓", "✗", text[2][0]]
    assert text[2][0] not in "✓✗"
    assert text[3] == "1 of 3 equations do not hold. 1,234 events are not yet applied."


def test_everything_that_adds_up_still_says_what_is_held_back() -> None:
    """Fifty orders of a customer who waits are not nothing."""
    text = Report((GOOD,), 51, 0, (Held(0, 51, None),)).render().splitlines()

    assert text[-1] == (
        "Everything adds up. 51 events are not yet applied. 51 of them are held back by an open transaction "
        "(partition 0)."
    )
    assert Report((GOOD,), 51, 0, (Held(0, 51, None),)).to_dict()["held_back"] == 51


def test_a_program_reads_json() -> None:
    """With the verdict at the top."""
    report = json.loads(json.dumps(Report((GOOD, SKIPPED), 3, 2).to_dict()))

    assert (report["holds"], report["lag"], report["pending"]) == (True, 3, 2)
    assert report["equations"][1] == {"name": "c", "holds": None, "detail": "not asked"}


def test_twenty_ids_are_named_and_the_rest_is_counted() -> None:
    """A report stays readable when a million orders are missing."""
    assert first_of([1, 2], 2) == "1, 2"
    assert first_of(range(1_000), 1_000).endswith("18, 19 and 980 more")
