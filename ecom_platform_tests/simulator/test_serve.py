"""The live simulator's decision about history."""

from __future__ import annotations

import pytest

from ecom_platform.simulator.serve import history_allowance


@pytest.mark.parametrize(("behind", "allowed"), [(None, 0), (0, 500), (7_700, 300), (8_000, 0), (50_000, 0)])
def test_history_is_written_only_while_the_stream_keeps_up(behind, allowed) -> None:
    """Nothing while the lag is unknown, nothing at 8,000, and never more than one batch."""
    assert history_allowance(behind) == allowed
