"""Where things are in HDFS.

/ecommerce/orders_archive/order_date=YYYY-MM-DD/part-<run>-<token>-<n>.snappy.parquet   what manifests list
/ecommerce/_staging/<run>-<token>/order_date=YYYY-MM-DD/…                               what a run is writing
/ecommerce/_manifests/<run>.json                                                        the archive describes itself
"""

from __future__ import annotations

from typing import Final

_BASE: Final = "/ecommerce"
ROOT: Final = f"{_BASE}/orders_archive"
STAGING: Final = f"{_BASE}/_staging"
MANIFESTS: Final = f"{_BASE}/_manifests"


def staging_folder(run: str, token: int) -> str:
    """Folder that only this run under this token writes to."""
    return f"{STAGING}/{run}-{token}"


def day_folder(day: str) -> str:
    """Folder of a day, below ROOT or a staging folder."""
    return f"order_date={day}"


def file_day(path: str) -> str:
    """The UTC day of a file below ROOT or a staging folder."""
    return path.partition("/")[0].removeprefix("order_date=")


def published_path(run: str, token: int, day: str, number: int) -> str:
    """Path of a published file, below ROOT: the path that manifests hold."""
    return f"{day_folder(day)}/part-{run}-{token}-{number:05d}.snappy.parquet"


def manifest_copy(run: str) -> str:
    """Path of the copy of a manifest."""
    return f"{MANIFESTS}/{run}.json"
