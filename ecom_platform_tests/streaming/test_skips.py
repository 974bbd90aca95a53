"""Offsets that a person decided to go on without."""

from __future__ import annotations

import pytest

from ecom_platform.errors import UsageError
from ecom_platform.streaming.process import StreamCommand
from ecom_platform.streaming.skips import Skip

SKIP = Skip("my-orders", 1, 150, 159)


def test_a_skip_is_read_as_it_is_written() -> None:
    """The message of a stream that could not go on is a command to copy, also through the launcher."""
    assert Skip.parse(str(SKIP)) == SKIP
    assert str(SKIP) == "my-orders-1:150-159"
    assert StreamCommand(7, skips=(SKIP,)).argv()[-1] == "--skip=my-orders-1:150-159"


@pytest.mark.parametrize(
    "text", ["", "orders", "orders-0-150", "orders-0:150", "orders-0:9-8", "orders:1-2", "a-0:x-y"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    """Nothing is guessed where data would be lost."""
    with pytest.raises(UsageError, match="orders-0:150-159"):
        Skip.parse(text)


@pytest.mark.parametrize(("position", "goes_on"), [(150, 160), (160, 160), (500, 500)])
def test_offsets_are_skipped_once_from_where_the_stream_stands(position: int, goes_on: int) -> None:
    """The same command given again, by a person or a restart, skips nothing more."""
    assert SKIP.after(position, end=500) == goes_on


@pytest.mark.parametrize(("position", "end"), [(149, 500), (151, 500), (159, 500), (150, 159)])
def test_offsets_elsewhere_or_not_yet_written_are_not_skipped(position: int, end: int) -> None:
    """A typing error must not lose readable events."""
    with pytest.raises(UsageError, match=f"stands at offset {position}"):
        SKIP.after(position, end)
