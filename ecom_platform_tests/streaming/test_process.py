"""What a child of the stream is started with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ecom_platform.settings import Settings
from ecom_platform.streaming.process import environment


def test_a_child_reads_exactly_the_settings_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also those that are no text: numbers, folders, durations."""
    settings = Settings(
        _env_file=None, home=tmp_path, topic="another", chunk_events=7, archive_older_than=timedelta(hours=36)
    )
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    assert Settings(_env_file=None) == settings
