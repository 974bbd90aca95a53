"""The Spark Structured Streaming job: Kafka to MongoDB, exactly once.

One Kafka partition is one Spark task, without a shuffle in between, and a task commits its offsets together with its
facts. Spark's own checkpoint is therefore disposable: every start makes a fresh one and begins where the store stands.

    python -m ecom_platform.streaming.spark_stream --token N [--available-now] [--accept-loss] [--accept-dead]
        [--skip orders-0:150-159]

A micro-batch that does not fit into the heap is applied on a detour: the process replaces itself by one with a larger
heap that reads message by message (`--detour`), applies that one micro-batch, and is itself again.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any, NoReturn

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from ecom_platform.credentials import Role
from ecom_platform.errors import EcomError, OutOfMemory, UnavailableError
from ecom_platform.runtime.jars import class_path
from ecom_platform.settings import Settings, load_settings
from ecom_platform.store import DimensionTables, database, dimension_version, read_dimensions
from ecom_platform.streaming.exits import ended_line
from ecom_platform.streaming.failure import explain, unreadable_partition
from ecom_platform.streaming.guard import TopicGuard
from ecom_platform.streaming.heartbeat import Batch, Heartbeat
from ecom_platform.streaming.memory import JVM_OPTIONS, detour_memory, gone, out_of_memory, tells_of_memory
from ecom_platform.streaming.records import Record
from ecom_platform.streaming.skips import Skip
from ecom_platform.streaming.spark_source import batch_options, read_topic, records_of
from ecom_platform.streaming.spark_unreadable import apply_one_by_one
from ecom_platform.streaming.task import SERVER_SELECTION_SECONDS, TaskPlan, TaskResult, run_task
from ecom_platform.tabular.spark_session import session_options, start_session

log = logging.getLogger("ecom_platform.streaming")

RESULT_SCHEMA = "partition int, next long, events long, exit_code int, message string"
POLL_SECONDS = 0.2
BATCH_GRACE_SECONDS = 8.0
HARD_STOP_SECONDS = 15.0
JVM_END_SECONDS = 10.0
MODULE = "ecom_platform.streaming.spark_stream"
DETOUR = "--detour"


def main(argv: list[str] | None = None) -> int:
    """Run the stream until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}")
    parser.add_argument("--token", type=int, required=True, help="fence token of the launcher's lease")
    parser.add_argument("--available-now", action="store_true", help="apply what is in the topic and end")
    parser.add_argument("--accept-loss", action="store_true", help="go on without offsets that Kafka deleted")
    parser.add_argument("--accept-dead", action="store_true", help="go on although the topic looks poisoned")
    parser.add_argument("--skip", action="append", default=[], help="go on without offsets that cannot be read")
    parser.add_argument(DETOUR, action="store_true", help="apply one micro-batch with a larger heap, then go on")
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for chatty in ("kafka", "py4j"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        settings = load_settings(role=Role.STREAM)
        skips = tuple(Skip.parse(text) for text in arguments.skip)
        stream = Stream(settings, arguments.token, available_now=arguments.available_now, detour=arguments.detour)
        stream.run(accept_loss=arguments.accept_loss, accept_dead=arguments.accept_dead, skips=skips)
    except EcomError as error:
        if isinstance(error, OutOfMemory) and not arguments.detour:
            log.warning("stream_detour text=%s", error)
            _replace_process([*argv, DETOUR])
        # The launcher reads this line; a deliberate error needs no trace.
        log.error(ended_line(error))  # noqa: TRY400
        return type(error).exit_code
    if stream.detour_is_over:
        _replace_process([argument for argument in argv if argument != DETOUR])
    log.info("stream_ended")
    return 0


def _replace_process(arguments: Sequence[str]) -> NoReturn:
    """Be the stream with other arguments, in the same process: its launcher and the lease notice nothing."""
    log.info("stream_replaced arguments=%s", " ".join(arguments))
    os.execv(sys.executable, [sys.executable, "-m", MODULE, *arguments])  # noqa: S606


class Stream:
    """The driver of one stream: takes the topic over, runs the query, stops between two micro-batches."""

    def __init__(self, settings: Settings, token: int, *, available_now: bool, detour: bool = False) -> None:
        memory = settings.spark_driver_memory
        larger = {"spark_driver_memory": detour_memory(memory)} if detour else {}
        self._settings = settings.model_copy(update=larger)
        self._detour = detour
        self._took_detour = False
        self._token = token
        self._available_now = available_now
        # As long as the tasks wait for a server that is being restarted: the driver is asked in every micro-batch.
        self._db = database(settings, timeout_seconds=SERVER_SELECTION_SECONDS)
        self._stop = threading.Event()
        self._guard = TopicGuard(settings, self._db, token, stopping=self._stop.is_set)
        self._failure: EcomError | None = None
        self._in_batch = threading.Lock()
        self._tables: DimensionTables | None = None
        self._plan: Any = None
        self._last_batch = Batch()
        self._query: StreamingQuery | None = None

    def run(self, *, accept_loss: bool = False, accept_dead: bool = False, skips: Sequence[Skip] = ()) -> None:
        """Run until the topic is applied (`available_now`), a signal, or an error.

        Raises:
            Fenced: another stream took over.
            NeedsPerson: lost or damaged data, a replaced topic, or too many dead letters.
            ConfigurationError: the topic is compacted.
            UnavailableError: Kafka or MongoDB stopped answering.
        """
        self._listen_to_signals()
        threading.Thread(target=self._watch_parent, name="parent", daemon=True).start()
        with ThreadPoolExecutor(1) as beside:  # the JVM takes seconds to start
            taking_over = beside.submit(
                self._guard.take_over, accept_loss=accept_loss, accept_dead=accept_dead, skips=skips
            )
            session = self._start_session()
        self._listen_to_signals()  # again: Spark has set a handler of its own
        jvm: subprocess.Popen[bytes] = SparkContext._gateway.proc  # type: ignore[union-attr]  # noqa: SLF001
        try:
            self._run_query(session, taking_over.result())
        except (Py4JError, OSError) as error:
            if (exit_code := _exit_code(jvm)) is None:
                raise
            raise gone(exit_code, self._settings.spark_driver_memory) from error
        finally:
            if jvm.poll() is None:
                session.stop()
        if self._failure is not None:
            raise self._failure

    @property
    def detour_is_over(self) -> bool:
        """Whether the one micro-batch of a detour was applied, and the stream was not told to stop."""
        return self._took_detour and not self._stop.is_set()

    def _start_session(self) -> SparkSession:
        settings = self._settings
        options = session_options(
            settings,
            "ecom-stream",
            master=settings.spark_master,
            jars=class_path("spark-kafka"),
            jvm_options=JVM_OPTIONS,
            options=batch_options(settings),
        )
        return start_session(settings, options)

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _run_query(self, session: SparkSession, start: Mapping[int, int]) -> None:
        """Run the query, again after a failure that the stream can mend itself."""
        heartbeat = Heartbeat(
            self._settings,
            self._db,
            self._token,
            last_batch=lambda: self._last_batch,
            reached=self._reached,
            on_fenced=self._fail,
        )
        heartbeat.start()
        try:
            while (failed := self._await_query(session, start)) is not None:
                start = self._mend(session, failed)
        except EcomError as error:
            self._fail(error)
        finally:
            heartbeat.stop()
            self._guard.close()
        if self._failure is None:
            heartbeat.last_beat()

    def _await_query(self, session: SparkSession, start: Mapping[int, int]) -> str | None:
        """Run the query to its end; what Spark says of its failure, None when it was told to stop."""
        query = self._query = self._start_query(session, start)
        while query.isActive and not self._ending and not self._stop.wait(POLL_SECONDS):
            pass
        self._stop_between_batches(query)
        failed = query.exception()
        return str(failed) if failed is not None and not self._ending else None

    def _mend(self, session: SparkSession, failed: str) -> Mapping[int, int]:
        """Read what Spark could not read, and return the offsets to go on from.

        Raises:
            TopicReplaced, DataLost: why the query failed.
            OutOfMemory: the messages at hand do not fit into the heap.
            EcomError: nothing can be mended here; as `explain` says.
        """
        if tells_of_memory(failed):
            raise out_of_memory(self._settings.spark_driver_memory)
        try:
            start = self._guard.take_again()
        except UnavailableError:
            raise explain(failed) from None
        partition = unreadable_partition(failed, self._settings.topic)
        if partition is None:
            raise explain(failed)
        first, plan = start[partition], self._current_plan(session).value
        end = min(self._guard.readable(partition), first + self._settings.max_offsets_per_trigger)
        if apply_one_by_one(session, plan, partition, first, end) == first:
            raise explain(failed)
        return self._guard.take_again()

    def _start_query(self, session: SparkSession, start: Mapping[int, int]) -> StreamingQuery:
        settings = self._settings
        source = read_topic(session, settings, start, one_by_one=self._detour)
        trigger: dict[str, Any] = (
            {"availableNow": True}
            if self._available_now
            else {"processingTime": f"{settings.trigger_milliseconds} milliseconds"}
        )
        return (
            source.writeStream.foreachBatch(self._apply)
            .option("checkpointLocation", self._fresh_checkpoint())
            .trigger(**trigger)
            .start()
        )

    def _fresh_checkpoint(self) -> str:
        """On this machine, not where Hadoop's default file system is; Hadoop knows no escapes in a path."""
        root = self._settings.home / "spark" / "checkpoints"
        shutil.rmtree(root, ignore_errors=True)
        return f"file://{root / str(self._token)}"

    def _apply(self, batch: DataFrame, batch_id: int) -> None:
        """Apply one micro-batch; called by Spark."""
        with self._in_batch:
            if self._ending:
                # A normal return would tell Spark, and the heartbeat, that the batch was applied.
                raise UnavailableError("The stream is stopping; this micro-batch was not started.")
            started = time.monotonic()
            self._check(self._guard.before_batch)
            plan = self._current_plan(batch.sparkSession)
            rows = batch.mapInArrow(lambda records: _apply_arrow(plan.value, records), RESULT_SCHEMA).collect()
            results = [TaskResult(**row.asDict()) for row in rows]
            for result in results:
                if (error := result.error()) is not None:
                    self._fail(error)
            self._check(self._guard.after_batch)
            events = sum(result.events for result in results)
            self._last_batch = Batch(batch_id, time.monotonic() - started, events)
            log.info("batch_applied id=%d events=%d seconds=%.2f", batch_id, events, self._last_batch.seconds)
            if self._failure is not None:
                raise self._failure
            self._took_detour = self._detour

    def _check(self, look: Callable[[], None]) -> None:
        """Look at the topic; what waiting does not mend ends the stream."""
        try:
            look()
        except UnavailableError:
            raise
        except EcomError as error:
            self._fail(error)
            raise

    def _current_plan(self, session: SparkSession) -> Any:
        """The broadcast plan of the tasks, made again when the dimensions changed."""
        if self._tables is None or dimension_version(self._db) != self._tables.version:
            self._tables = read_dimensions(self._db)
            if self._plan is not None:
                self._plan.unpersist()
            plan = TaskPlan(self._settings, self._token, self._tables, self._guard.topic_id)
            self._plan = session.sparkContext.broadcast(plan)
            log.info("dimensions_loaded version=%d", self._tables.version)
        return self._plan

    def _reached(self) -> Mapping[int, int]:
        """End offsets of the last micro-batch that Spark finished; none while one is in flight, which starts there."""
        if self._in_batch.locked():
            return {}
        progress = self._query.lastProgress if self._query is not None else None
        if not progress or not progress["sources"]:
            return {}
        end = progress["sources"][0]["endOffset"]
        offsets = json.loads(end) if isinstance(end, str) else end
        return {int(partition): offset for partition, offset in (offsets or {}).get(self._settings.topic, {}).items()}

    @property
    def _ending(self) -> bool:
        return self._stop.is_set() or self._took_detour

    def _fail(self, error: EcomError) -> None:
        self._failure = self._failure or error
        self._request_stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # In a thread, because the signal may have interrupted this one inside a lock that stopping needs.
        del frame
        threading.Thread(target=self._request_stop, name=f"signal-{number}", daemon=True).start()

    def _request_stop(self) -> None:
        """Stop between two micro-batches; for sure, even if Spark hangs in a call to a server that is gone."""
        if self._stop.is_set():
            return
        self._stop.set()
        timer = threading.Timer(HARD_STOP_SECONDS, self._exit_now)
        timer.daemon = True
        timer.start()

    def _exit_now(self) -> None:
        log.warning("stop_forced seconds=%d", HARD_STOP_SECONDS)
        os._exit(type(self._failure).exit_code if self._failure else 0)

    def _stop_between_batches(self, query: StreamingQuery) -> None:
        """Let the micro-batch in flight finish, then stop the query.

        The lock is not held while the query is stopped: that waits for Spark's thread, which may be waiting for the
        lock. A micro-batch that slips in finds the stop requested and does not start.
        """
        if self._in_batch.acquire(timeout=BATCH_GRACE_SECONDS):
            self._in_batch.release()
        query.stop()

    def _watch_parent(self) -> None:
        """Stop when the launcher is gone, also where the kernel's death signal did not arrive."""
        parent = os.getppid()
        while os.getppid() == parent:
            time.sleep(1.0)
        log.warning("parent_gone pid=%d", parent)
        self._request_stop()


def _apply_arrow(plan: TaskPlan, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Apply the records of one task (one Kafka partition); runs in a Python worker."""
    filled = (batch for batch in batches if batch.num_rows)
    first = next(filled, None)
    if first is None:
        return
    partition = first.column(0)[0].as_py()

    def records() -> Iterator[Record]:
        yield from records_of(first)
        for batch in filled:
            yield from records_of(batch)

    result = run_task(plan, partition, records())
    yield pa.RecordBatch.from_pydict(
        {
            "partition": pa.array([result.partition], pa.int32()),
            "next": pa.array([result.next], pa.int64()),
            "events": pa.array([result.events], pa.int64()),
            "exit_code": pa.array([result.exit_code], pa.int32()),
            "message": pa.array([result.message], pa.string()),
        }
    )


def _exit_code(jvm: subprocess.Popen[bytes]) -> int | None:
    """Of a JVM that does not answer; None when it is still there."""
    try:
        return jvm.wait(JVM_END_SECONDS)
    except subprocess.TimeoutExpired:
        return None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PySparkException:
        log.exception("stream_crashed")
        sys.exit(1)
