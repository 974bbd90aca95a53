"""How good the rules are: alerts against the incidents that were planted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from ecom_platform.alerts.rules import Rule
from ecom_platform.alerts.scores import Score


@dataclass(frozen=True, slots=True)
class Planted:
    """An incident that was planted: what must be found, and what it may cause besides.

    Attributes:
        finds: rules of which one must raise an alert about `entity`.
        explains: (rule, beginning of the entity) of alerts that are true as its consequences.
        aftermath: how long after its end it still raises alerts.
    """

    kind: str
    entity: str
    start: datetime
    end: datetime
    finds: tuple[Rule, ...]
    explains: tuple[tuple[Rule, str], ...] = ()
    aftermath: timedelta = timedelta(0)

    def is_found_by(self, alert: Raised) -> bool:
        """Whether the alert is the one a manager needs: the right rule, about the right thing, in time."""
        return alert.rule in self.finds and alert.entity == self.entity and self._covers(alert)

    def accounts_for(self, alert: Raised) -> bool:
        """Whether the alert is true because of this incident, as its finding or as a consequence."""
        caused = any(alert.rule is rule and alert.entity.startswith(entity) for rule, entity in self.explains)
        return self.is_found_by(alert) or (caused and self._covers(alert))

    def _covers(self, alert: Raised) -> bool:
        return self.start <= alert.opened_at < self.end + self.aftermath


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as it was raised; `closed_at` None: still open when the case ended."""

    rule: Rule
    entity: str
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One simulated stretch: a scenario under a seed, with what was planted and what was raised."""

    scenario: str
    seed: int
    planted: tuple[Planted, ...]
    raised: tuple[Raised, ...]
    days: float


def score(cases: Iterable[Case]) -> tuple[Score, ...]:
    """The score of each scenario, in the order in which they first come."""
    by_scenario: dict[str, list[Case]] = {}
    for case in cases:
        by_scenario.setdefault(case.scenario, []).append(case)
    return tuple(_score_of(name, group) for name, group in by_scenario.items())


def _score_of(scenario: str, cases: Sequence[Case]) -> Score:
    raised = [(case, alert) for case in cases for alert in case.raised]
    false = [(case, alert) for case, alert in raised if not any(one.accounts_for(alert) for one in case.planted)]
    answers = [
        [alert for alert in case.raised if planted.is_found_by(alert)] for case in cases for planted in case.planted
    ]
    delays = [
        (min(alert.opened_at for alert in case.raised if planted.is_found_by(alert)) - planted.start).total_seconds()
        for case in cases
        for planted in case.planted
        if any(planted.is_found_by(alert) for alert in case.raised)
    ]
    found = len(delays)
    return Score(
        scenario=scenario,
        cases=len(cases),
        days=round(sum(case.days for case in cases), 2),
        incidents=len(answers),
        found=found,
        alerts=len(raised),
        true_alerts=len(raised) - len(false),
        repeats=sum(max(0, len(answer) - 1) for answer in answers),
        false_alarms=tuple(
            f"seed {case.seed}: {alert.rule} {alert.entity} at {alert.opened_at:%a %H:%M}" for case, alert in false
        ),
        precision=1 - len(false) / len(raised) if raised else None,
        recall=found / len(answers) if answers else None,
        median_seconds_to_detect=median(delays) if delays else None,
        slowest_seconds_to_detect=max(delays, default=None),
    )
