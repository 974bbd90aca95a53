"""WRITTEN → VERIFIED: the files are read back from HDFS, their bytes compared and every value in them counted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecom_platform.archive.archiver_lease import Archiver
from ecom_platform.archive.files import FilesDamaged
from ecom_platform.archive.layout import staging_folder
from ecom_platform.archive.parquet_file import Totals
from ecom_platform.archive.transition import advance
from ecom_platform.store.manifests import Manifest, RunState

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def verify(archiver: Archiver, spark: SparkSession, manifest: Manifest) -> Manifest:
    """Read back what was written.

    Raises:
        FilesDamaged: the files do not hold what was written.
        UnavailableError: a file is missing or damaged, or HDFS or MongoDB do not answer.
        Fenced: another archiver took over.
    """
    from ecom_platform.archive.spark_write import read_back

    folder = staging_folder(manifest.run, manifest.token)
    read = read_back(spark, archiver.settings, folder, manifest.files)
    found, expected = sum(read, Totals()), Totals(manifest.rows, manifest.checksum)
    if found != expected or [totals.rows for totals in read] != [file.rows for file in manifest.files]:
        raise FilesDamaged(
            f"The files below {folder} hold {found.rows:,} orders with checksum {found.checksum}; written were "
            f"{expected.rows:,} with {expected.checksum}. Nothing in MongoDB was changed. Run `ecom archive` again: it "
            "writes them anew."
        )
    return advance(archiver.db, manifest, RunState.VERIFIED)
