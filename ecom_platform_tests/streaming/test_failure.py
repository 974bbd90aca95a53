"""Why a query failed, in the words of whoever knew; the texts are Spark's, shortened."""

from __future__ import annotations

import pytest

from ecom_platform.streaming.failure import explain, reason_of, unreadable_partition

PROXY = """An exception was raised by the Python Proxy. Return Message: Traceback (most recent call last):
  File "/venv/py4j/clientserver.py", line 644, in _call_proxy
    return_value = getattr(self.pool[obj_id], method)(*params)
  File "/ecom_platform/streaming/spark_stream.py", line 197, in _apply
    rows = batch.mapInArrow(lambda records: _apply_arrow(plan.value, records), RESULT_SCHEMA).collect()
"""
PLAN = """
=== Streaming Query ===
Identifier: [id = c6abcbc1-dd64-40d7-9bfe-c2f5684474c8]
Current Available Offsets: {KafkaV2[Subscribe[orders]]: {"orders":{"0":1,"1":0}}}
"""
WORKER = """pyspark.errors.exceptions.captured.PythonException: An exception was thrown from the Python worker:
Traceback (most recent call last):
  File "/ecom_platform/streaming/task.py", line 111, in run_task
    raise
{}

	at py4j.Protocol.getReturnValue(Protocol.java:476)
"""
JAVA = """py4j.protocol.Py4JJavaError: An error occurred while calling o105.collectToPython.
: {}
	at org.apache.spark.sql.kafka010.KafkaRecordToRowConverter$.toTimestamp(KafkaRecordToRowConverter.scala:131)
Caused by: {}
	... 30 more
"""
OVERFLOW = "Record at topic orders partition 3 offset 5 has timestamp value 1795917537945082880 that overflows when"
CORRUPT = "Record batch for partition orders-1 at offset 5 is invalid, cause: Record is corrupt (stored crc = 1)"

OF_TASK = WORKER.format("ecom_platform.errors.UnavailableError: orders-2 has no offset document. Nothing was written.")
OF_DRIVER = WORKER.format("pymongo.errors.OperationFailure: not allowed\n")
OF_SPARK = JAVA.format(f"org.apache.spark.sql.kafka010.KafkaIllegalStateException: {OVERFLOW}", "java.lang.Error: long")
OF_KAFKA = JAVA.format(
    "org.apache.spark.SparkException: Job aborted", f"org.apache.kafka.common.KafkaException: {CORRUPT}"
)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (OF_TASK, "orders-2 has no offset document. Nothing was written."),
        (OF_DRIVER, "pymongo.errors.OperationFailure: not allowed"),
        (OF_SPARK, OVERFLOW),
        (OF_KAFKA, CORRUPT),
    ],
    ids=["a sentence of ours", "another error in a task", "Spark's first words", "the JVM's first cause"],
)
def test_the_reason_is_the_sentence_of_whoever_knew_it(told: str, reason: str) -> None:
    """Whatever wraps it: the proxy, a traceback within a traceback, the JVM's stack, Spark's plan."""
    assert reason_of(PROXY + told + PLAN) == reason
    assert f"The streaming query failed: {reason.rstrip('.')}. Chunks" in str(explain(PROXY + told + PLAN))


def test_a_failure_that_nobody_wrapped_is_its_own_reason() -> None:
    """The first line, and never an empty text."""
    assert reason_of("\nThe query was lost\nsomewhere" + PLAN) == "The query was lost"
    assert reason_of(PLAN) == "no reason was given"


@pytest.mark.parametrize(
    ("told", "partition"),
    [
        (OF_SPARK, 3),
        (OF_KAFKA, 1),
        ("Received exception when fetching the next record from orders-7. If needed, please seek past the record", 7),
        ("Encountered corrupt message when fetching offset 5 for topic-partition orders-2", 2),
        (OF_TASK, None),
        (OF_KAFKA.replace("orders", "other"), None),
    ],
)
def test_only_what_the_source_could_not_read_names_a_partition(told: str, partition: int | None) -> None:
    """A server that does not answer is no reason to read records one by one."""
    assert unreadable_partition(PROXY + told + PLAN, "orders") == partition
