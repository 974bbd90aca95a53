"""How long a demo takes from the signal to the prompt, stop after stop, and what is left of it.

The demo has a home of its own, is let alone for a while once everything is live, and goes on from there each time; the
first stops come while its history is loading.

    python -m benchmarks.stops [--stops 10] [--live 20] [--signal SIGINT]
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ecom_platform.local.instance import Instance
from ecom_platform.local.processes import processes
from ecom_platform.settings import Settings

UP = "Everything is live"


def main() -> None:
    """Measure and print a line for each stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--live", type=float, default=20.0, help="seconds from all-up to the signal")
    parser.add_argument("--signal", choices=("SIGINT", "SIGTERM", "SIGHUP"), default="SIGINT")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecom-stops-") as folder:
        seconds = [stop_once(Path(folder), options.live, signal.Signals[options.signal]) for _ in range(options.stops)]
    print(f"{len(seconds)} stops: {min(seconds):.1f} to {max(seconds):.1f} s from {options.signal} to the prompt")


def stop_once(folder: Path, live_seconds: float, number: signal.Signals) -> float:
    """Start the demo, let it live, end it; the seconds that the end took.

    Raises:
        SystemExit: it did not come up, or a process was left.
    """
    home = folder / "home"
    ports = {f"ECOM_{name.upper()}": "0" for name in Settings.model_fields if name.endswith("_port")}
    said = folder / "said.log"
    with said.open("wb") as output:
        argv = [sys.executable, "-m", "ecom_platform.cli", "demo", "--no-browser"]
        demo = subprocess.Popen(
            argv, cwd=folder, env={**os.environ, **ports, "ECOM_HOME": str(home)}, stdout=output, stderr=output
        )
    while UP not in said.read_text():
        if demo.poll() is not None:
            raise SystemExit(said.read_text())
        time.sleep(0.5)
    time.sleep(live_seconds)
    load, started = os.getloadavg()[0], time.monotonic()
    demo.send_signal(number)
    code = demo.wait()
    seconds = time.monotonic() - started
    left = processes(Instance.of(Settings(_env_file=None, home=home)))
    print(f"{seconds:5.1f} s, exit code {code}, {len(left)} processes left, load {load:.1f} before", flush=True)
    if left:
        raise SystemExit(f"left: {left}")
    return seconds


if __name__ == "__main__":
    main()
