"""WRITTEN → VERIFIED: the files get their names and are read back, twice over: by Spark, and as bytes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ecom_platform.archive.files import FilesDamaged, bytes_checksum, list_files, put_in_place, read_bytes
from ecom_platform.archive.hdfs import hdfs_errors
from ecom_platform.archive.holding import Archiver
from ecom_platform.archive.layout import published_path, staging_folder
from ecom_platform.archive.transition import advance, file_documents
from ecom_platform.store.manifests import ArchivedFile, Manifest, RunState

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["verify"]


def verify(archiver: Archiver, spark: SparkSession, manifest: Manifest) -> Manifest:
    """Read back what was written; list it in the manifest.

    Raises:
        FilesDamaged: the files do not hold what was written.
        UnavailableError: HDFS or MongoDB do not answer.
        Fenced: another archiver took over.
    """
    from ecom_platform.archive.spark_write import Totals, order_totals

    folder = staging_folder(manifest.run, manifest.token)
    names = _name(archiver, manifest, folder)
    files = []
    for number, name in enumerate(names):
        files.append(_described(archiver, folder, name))
        archiver.say("verified", number, len(names) + 1)
    root = f"{archiver.settings.hdfs_uri.rstrip('/')}{folder}"
    found = order_totals(spark, [f"{root}/{name}" for name in names], root) if names else Totals(0, "0:0")
    expected = Totals(manifest.rows, manifest.checksum)
    if found != expected or sum(file.rows for file in files) != expected.rows:
        raise FilesDamaged(
            f"The files below {folder} hold {found.rows:,} orders with checksum {found.checksum}; written were "
            f"{expected.rows:,} with {expected.checksum}. Nothing in MongoDB was changed. Run `ecom archive` again: it "
            "writes them anew."
        )
    return advance(archiver.db, manifest, RunState.VERIFIED, files=file_documents(files))


def _name(archiver: Archiver, manifest: Manifest, folder: str) -> list[str]:
    """Give the files the names they will be published under; nobody else writes to this folder."""
    by_day = defaultdict(list)
    for path, _ in list_files(archiver.hdfs, folder):
        day_part, _, name = path.rpartition("/")
        if name.endswith(".parquet") and not name.startswith((".", "_")):
            by_day[day_part.removeprefix("order_date=")].append(path)
    names = []
    for day, paths in sorted(by_day.items()):
        for number, path in enumerate(sorted(paths)):
            name = published_path(manifest.run, manifest.token, day, number)
            put_in_place(archiver.hdfs, f"{folder}/{path}", f"{folder}/{name}")
            names.append(name)
    return names


def _described(archiver: Archiver, folder: str, name: str) -> ArchivedFile:
    content = read_bytes(archiver.hdfs, f"{folder}/{name}")
    with hdfs_errors(f"reading the footer of {folder}/{name}"):
        try:
            rows = pq.ParquetFile(pa.BufferReader(content)).metadata.num_rows
        except pa.ArrowInvalid as error:
            raise FilesDamaged(
                f"{folder}/{name} is no whole Parquet file ({error}). Nothing in MongoDB was changed. Run "
                "`ecom archive` again: it writes the files anew."
            ) from error
    return ArchivedFile(name, len(content), rows, bytes_checksum(content))
