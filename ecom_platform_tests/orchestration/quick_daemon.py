"""Dagster's daemon with one difference: it looks for due sensors every second instead of every five."""

from dagster._daemon import sensor
from dagster._daemon.cli import main

sensor.MIN_INTERVAL_LOOP_TIME = 1

if __name__ == "__main__":
    main()
