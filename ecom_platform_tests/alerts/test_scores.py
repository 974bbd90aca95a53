"""How the worth of the rules is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.alert_scores import Case, Planted, Raised, score
from ecom_platform.alerts import read_scores
from ecom_platform.alerts.rules import SHOP, Rule

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OUTAGE = Planted(
    "courier_outage",
    "courier:5",
    START,
    START + 60 * MINUTE,
    finds=(Rule.LATE_SHARE,),
    explains=((Rule.LATE_SHARE, SHOP),),
    aftermath=30 * MINUTE,
)


def late(entity: str, minutes: float) -> Raised:
    """An alert so many minutes after the start."""
    return Raised(Rule.LATE_SHARE, entity, START + minutes * MINUTE)


def test_an_incident_is_found_by_the_right_rule_about_the_right_thing_in_time() -> None:
    """Its consequences are true alerts and find nothing; the first finding counts, later ones are repeats."""
    one = Case("outage", 1, (OUTAGE,), (late("courier:5", 20), late("courier:5", 70), late(SHOP, 30)), 0.1)
    other = Case("outage", 2, (OUTAGE,), (late("courier:5", 89.9), late("courier:6", 30)), 0.1)
    (found,) = score([one, other])

    assert (found.incidents, found.found, found.recall) == (2, 2, 1.0)
    assert (found.alerts, found.true_alerts, found.precision) == (5, 4, 0.8)
    assert found.repeats == 1
    assert found.false_alarms == ("seed 2: late_share courier:6 at Mon 10:30",)
    assert (found.median_seconds_to_detect, found.slowest_seconds_to_detect) == ((20 + 89.9) / 2 * 60, 89.9 * 60)


def test_what_comes_before_or_long_after_an_incident_is_a_false_alarm_and_finds_nothing() -> None:
    """The end of the aftermath is outside."""
    (found,) = score([Case("outage", 1, (OUTAGE,), (late("courier:5", -1), late("courier:5", 90)), 0.1)])

    assert (found.found, found.recall, found.precision, len(found.false_alarms)) == (0, 0.0, 0.0, 2)
    assert found.median_seconds_to_detect is None


def test_quiet_days_have_neither_recall_nor_precision_without_alarms() -> None:
    """Nothing was there to find, and nothing was raised: no number is better than a flattering one."""
    (found,) = score([Case("steady", 1, (), (), 10.0)])

    assert (found.recall, found.precision, found.alerts, found.days) == (None, None, 0, 10.0)


def test_the_recorded_scores_are_those_the_documentation_promises() -> None:
    """On shops that were not used to choose the limits: every labelled incident found, no alarm on quiet days."""
    scores = read_scores()
    by_name = {one.scenario: one for one in scores.by_scenario}

    assert not set(scores.held_out_seeds) & set(scores.chosen_on_seeds)
    for name in ("black_friday", "courier_outage", "flash_sale", "poison", "stopped stream"):
        assert by_name[name].recall == 1.0
    assert by_name["steady"].alerts == 0
    assert by_name["steady"].days >= 10
