"""Dagster for tests: an instance with its programs for all cases of a module, or one in memory driven step by step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ecom_platform.local.server import as_admin
from ecom_platform.settings import Settings
from ecom_platform.store.client import database
from ecom_platform.store.schema import ensure_schema
from ecom_platform_tests.conftest import variables
from ecom_platform_tests.orchestration.daemon import Daemon
from ecom_platform_tests.orchestration.stage import Stage


# Not for the whole session: its programs would take processor time from every other test.
@pytest.fixture(scope="module")
def stage(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Code server and daemon are started by the first case that needs them."""
    home: Path = tmp_path_factory.mktemp("dagster")
    settings = platform.settings.model_copy(update={"home": home, "mongodb_database": f"test_{home.name}"})
    db = database(as_admin(settings, "mongodb"))
    ensure_schema(db)
    stage = Stage(settings, db)
    try:
        yield stage
    finally:
        stage.close()
        db.client.drop_database(db.name)
        db.client.close()


@pytest.fixture
def daemon(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Daemon]:
    """An instance of this test, on its database; a hundred kilobytes of orders are too many."""
    monkeypatch.chdir(tmp_path)
    for name, value in variables(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ECOM_ARCHIVE_HIGH_BYTES", "100000")
    monkeypatch.setenv("ECOM_ARCHIVE_LOW_BYTES", "1000")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(instance)
