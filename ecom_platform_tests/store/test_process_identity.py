"""A process is told apart from a later one with its number, on every system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from ecom_platform.store.process_identity import boot_session, started_anywhere


def test_where_there_is_no_proc_a_process_is_known_by_its_start() -> None:
    """The same at every look, another for another process, none for one that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        seen = [started_anywhere(other.pid) for _ in range(3)]
        own = started_anywhere(os.getpid())
        other.kill()
        other.wait()

    assert seen[0] is not None
    assert len(set(seen)) == 1
    assert own is not None
    assert own < seen[0]
    assert started_anywhere(other.pid) is None


@pytest.mark.skipif(shutil.which("sysctl") is None, reason="this system has no program sysctl; macOS always has")
def test_a_boot_is_known_by_what_the_kernel_calls_it() -> None:
    """Asked as macOS is; the name is one that this kernel has."""
    assert boot_session("kernel.ostype") == "Linux"
