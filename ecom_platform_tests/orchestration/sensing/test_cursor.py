"""What a sensor remembers."""

from __future__ import annotations

import pytest

from ecom_platform.orchestration.kpis.dirty_trigger import DirtyMemory
from ecom_platform.orchestration.sensing.cursor import Remembered
from ecom_platform.orchestration.sensing.run_requests import Asking
from ecom_platform.orchestration.supervision.reconciler import Memory

WRITTEN = [
    Memory({"a run": 12.5}, "another"),
    Asking(number=3, open=True, asked_at=1000.5),
    DirtyMemory(Asking(failures=2), {"2026-11-22": 5.0}),
]


@pytest.mark.parametrize("memory", WRITTEN, ids=lambda memory: type(memory).__name__)
def test_what_was_written_is_read_back(memory: Remembered) -> None:
    """Whatever it is made of."""
    assert type(memory).parse(memory.dump()) == memory


@pytest.mark.parametrize("cursor", [None, "", "{", "[]", '{"v": 2}', '{"v": 1, "suspects": [1]}'])
def test_an_unreadable_cursor_is_forgotten(cursor: str | None) -> None:
    """A sensor that fails at its cursor would fail for ever."""
    assert Memory.parse(cursor) == Memory()
