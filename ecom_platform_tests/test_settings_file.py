"""A `.env` file as people's editors leave it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecom_platform.settings import Settings

LINES = [
    "ECOM_TOPIC=shop",
    "ECOM_CURRENCY='EUR'",
    'ECOM_SPARK_DRIVER_MEMORY="2g"  # more',
    "export ECOM_CHUNK_EVENTS=7",
]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["", "BOM"])
def test_a_settings_file_means_the_same_whatever_editor_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, end: str
) -> None:
    """Line ends of Windows, a byte order mark before the first name, quotes, a remark, `export`."""
    (tmp_path / ".env").write_bytes((start + end.join(LINES) + end).encode())
    monkeypatch.chdir(tmp_path)
    settings = Settings()

    found = (settings.topic, settings.currency, settings.spark_driver_memory, settings.chunk_events)
    assert found == ("shop", "EUR", "2g", 7)
