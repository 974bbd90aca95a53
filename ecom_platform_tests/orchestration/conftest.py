"""Dagster for tests: an instance with its programs for all cases of a module, or one in memory driven step by step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ecom_platform.orchestration.instance import open_instance, prepare
from ecom_platform.settings import Settings
from ecom_platform_tests.orchestration.daemon import Daemon
from ecom_platform_tests.orchestration.stage import Stage, staged


# Not for the whole session: its programs would take processor time from every other test.
@pytest.fixture(scope="module")
def stage(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Code server and daemon are started by the first case that needs them."""
    home: Path = tmp_path_factory.mktemp("dagster")
    with staged(platform.settings, home, mongodb_database=f"test_{home.name}") as stage:
        yield stage


@pytest.fixture(autouse=True)
def our_warnings() -> None:
    """Dagster warns of its own beta parameter when it attaches resources to a sensor."""
    warnings.filterwarnings("ignore", "Parameter `owners` of initializer", dg.BetaWarning)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """As `ecom demo` makes it, with its SQLite files."""
    with open_instance(prepare(Settings(home=tmp_path), 4000)) as instance:
        yield instance


@pytest.fixture
def daemon(own_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """An instance of this test, on its database; a hundred kilobytes of orders are too many."""
    monkeypatch.setenv("ECOM_ARCHIVE_HIGH_BYTES", "100000")
    monkeypatch.setenv("ECOM_ARCHIVE_LOW_BYTES", "1000")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(instance)
