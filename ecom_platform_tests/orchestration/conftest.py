"""One real Dagster instance for all cases of a module, on the run's mongod with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecom_platform.store.client import database
from ecom_platform.store.schema import ensure_schema
from ecom_platform_tests.orchestration.stage import Stage


# Not for the whole session: its programs would take processor time from every other test.
@pytest.fixture(scope="module")
def stage(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Code server and daemon are started by the first case that needs them."""
    home: Path = tmp_path_factory.mktemp("dagster")
    settings = platform.settings.model_copy(update={"home": home, "mongodb_database": f"test_{home.name}"})
    db = database(settings)
    ensure_schema(db)
    stage = Stage(settings, db)
    try:
        yield stage
    finally:
        stage.close()
        db.client.drop_database(db.name)
        db.client.close()
