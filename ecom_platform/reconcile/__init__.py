"""Reconciliation: the accounting equations between ledger, topic, facts and rollups, and their report."""

from __future__ import annotations

from ecom_platform.reconcile.report import Equation, Report
from ecom_platform.reconcile.run import reconcile

__all__ = ["Equation", "Report", "reconcile"]
