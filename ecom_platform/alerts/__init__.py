"""Alerts a manager can own: rules over live figures, one alert per incident, acknowledged and kept.

Readings come from pure rules (`rules`), incidents from a pure state machine (`incident`); `evaluator` reads and writes.
The dashboard uses what is exported here.
"""

from ecom_platform.alerts.catalogue import Link, Severity
from ecom_platform.alerts.documents import Acknowledgement, Alert
from ecom_platform.alerts.evaluator import evaluate_now
from ecom_platform.alerts.inbox import acknowledge, evaluated_at, history, judged_at, open_alerts
from ecom_platform.alerts.rules import LIMITS, SHOP, Rule
from ecom_platform.alerts.scores import Score, read_scores

__all__ = [
    "LIMITS",
    "SHOP",
    "Acknowledgement",
    "Alert",
    "Link",
    "Rule",
    "Score",
    "Severity",
    "acknowledge",
    "evaluate_now",
    "evaluated_at",
    "history",
    "judged_at",
    "open_alerts",
    "read_scores",
]
