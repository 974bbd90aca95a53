"""`python -m ecom_platform.local.shop`: the live simulator as a program, which tells the store how far history is."""

from __future__ import annotations

import argparse
import logging
import sys

from ecom_platform.credentials import Role
from ecom_platform.errors import EcomError
from ecom_platform.local.loading import StoreReport
from ecom_platform.settings import load_settings
from ecom_platform.simulator.serve import serve


def main(arguments: list[str] | None = None) -> int:
    """Run the live simulator until SIGTERM; return the exit code of the error that ended it, else 0."""
    parser = argparse.ArgumentParser(prog="python -m ecom_platform.local.shop", description=__doc__)
    parser.add_argument("--history-days", type=float, default=2.0, help="days of history of a fresh shop (default: 2)")
    parser.add_argument("--seed", type=int, default=None, help="seed of a fresh shop")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings(role=Role.SIMULATOR)
        with StoreReport(settings) as report:
            serve(settings, report, history_days=options.history_days, seed=options.seed)
    except EcomError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
