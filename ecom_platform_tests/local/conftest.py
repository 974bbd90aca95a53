"""An instance that a test may start, stop and break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ecom_platform import local
from ecom_platform.settings import Settings
from ecom_platform_tests.conftest import FREE_PORTS


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Settings]:
    """Not started; whatever is, is stopped afterwards."""
    settings = Settings(_env_file=None, home=tmp_path / "home", **FREE_PORTS)
    yield settings
    local.down(settings)
