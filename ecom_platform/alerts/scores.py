"""The recorded result of the last run that scored the rules: alerts against the incidents that were planted."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Final

import msgspec

FILE: Final = "scores.json"


class Score(msgspec.Struct, frozen=True):
    """The score of one scenario over all its cases.

    `precision` and `recall` are null where there was nothing to divide by; `repeats` counts alerts beyond the first
    about the same incident; `false_alarms` names those nothing planted accounts for.
    """

    scenario: str
    cases: int
    days: float
    incidents: int
    found: int
    alerts: int
    true_alerts: int
    repeats: int
    false_alarms: tuple[str, ...]
    precision: float | None
    recall: float | None
    median_seconds_to_detect: float | None
    slowest_seconds_to_detect: float | None


class Scores(msgspec.Struct, frozen=True):
    """A whole run, on shops that were not used to choose the limits."""

    measured_on: date
    chosen_on_seeds: tuple[int, ...]
    held_out_seeds: tuple[int, ...]
    by_scenario: tuple[Score, ...]


def read_scores() -> Scores:
    """The recorded scores that come with the package."""
    return msgspec.json.decode((files(__package__) / FILE).read_bytes(), type=Scores)
