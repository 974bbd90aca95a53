"""What the stream reads from Kafka, bounded by bytes on its way through Spark into the Python workers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from ecom_platform.contract import MAX_KEY_BYTES, MAX_VALUE_BYTES
from ecom_platform.kafka.client import java_options
from ecom_platform.settings import Settings
from ecom_platform.streaming.memory import heap_bytes, poll_records
from ecom_platform.streaming.records import KEPT_BYTES, Cut, Record

_OVERSIZED: Final = f"octet_length(value) > {MAX_VALUE_BYTES} OR octet_length(key) > {MAX_KEY_BYTES}"
_CUT: Final = (
    "named_struct('key_bytes', coalesce(octet_length(key), 0), 'value_bytes', coalesce(octet_length(value), 0), "
    "'sha256', sha2(coalesce(value, X''), 256))"
)
_COLUMNS: Final = (
    "partition",
    "offset",
    "unix_millis(timestamp) AS time",
    f"IF({_OVERSIZED}, substring(key, 1, {KEPT_BYTES}), key) AS key",
    f"IF({_OVERSIZED}, substring(value, 1, {KEPT_BYTES}), value) AS value",
    f"IF({_OVERSIZED}, {_CUT}, NULL) AS cut",
)
"""A message beyond the limits is cut where it is read: neither Arrow nor a Python worker ever holds the whole of it."""


def batch_options(settings: Settings) -> dict[str, str]:
    """Of the stream's session: an Arrow batch is about a chunk, so that nothing is copied together again in Python."""
    return {
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(settings.chunk_events),
        "spark.sql.execution.arrow.maxBytesPerBatch": str(settings.chunk_bytes),
    }


def read_topic(
    session: SparkSession, settings: Settings, start: Mapping[int, int], *, one_by_one: bool = False
) -> DataFrame:
    """The topic from these offsets on, one partition a task.

    Args:
        start: the first offset of every partition.
        one_by_one: unpack a single message at a time, which is slow and takes the least memory.

    Raises:
        ConfigurationError: the heap's size cannot be read.
    """
    offsets = {settings.topic: {str(partition): offset for partition, offset in start.items()}}
    at_once = min(len(start), os.cpu_count() or 1)
    unpacked = 1 if one_by_one else poll_records(heap_bytes(settings.spark_driver_memory), at_once)
    return (
        session.readStream.format("kafka")
        .options(**{f"kafka.{name}": value for name, value in java_options(settings).items()})
        .option("subscribe", settings.topic)
        .option("startingOffsets", json.dumps(offsets))
        .option("maxOffsetsPerTrigger", settings.max_offsets_per_trigger)
        .option("failOnDataLoss", "true")
        .option("kafka.isolation.level", "read_committed")
        .option("kafka.max.poll.records", unpacked)
        .load()
        .selectExpr(*_COLUMNS)
    )


def records_of(batch: pa.RecordBatch) -> Iterator[Record]:
    """The records of an Arrow batch."""
    columns = (batch.column(index).to_pylist() for index in range(1, len(_COLUMNS)))
    for offset, time, key, value, cut in zip(*columns, strict=True):
        yield Record(offset, time, key, value, None if cut is None else Cut(**cut))
