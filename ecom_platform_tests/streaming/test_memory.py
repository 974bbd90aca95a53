"""How much the stream unpacks at once, and what is said when it was too much."""

from __future__ import annotations

import pytest

from ecom_platform.contract import MAX_BATCH_BYTES
from ecom_platform.errors import ConfigurationError, OutOfMemory, UnavailableError
from ecom_platform.streaming import spark_stream
from ecom_platform.streaming.memory import detour_memory, gone, heap_bytes, poll_records, tells_of_memory

MIB = 1024 * 1024


@pytest.mark.parametrize("partitions", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("heap", [512 * MIB, 1024 * MIB, 3000 * MIB])
def test_the_largest_messages_that_are_unpacked_at_once_fit_into_half_of_the_heap(heap: int, partitions: int) -> None:
    """Whatever their number: small messages may be as many as the client would take by itself."""
    unpacked = poll_records(heap, partitions)

    assert 1 <= unpacked <= 500
    assert unpacked * partitions * 4 * MIB <= heap / 2


def test_two_partitions_in_the_usual_heap_are_read_64_messages_at_a_time() -> None:
    """Each reading costs questions to the broker: fewer messages at a time would be slower."""
    assert poll_records(heap_bytes("1g"), 2) == 64
    assert MAX_BATCH_BYTES == 4 * MIB


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1g", 1024 * MIB), ("1500m", 1500 * MIB), ("2GB", 2048 * MIB), (" 512 ", 512 * MIB), ("524288k", 512 * MIB)],
)
def test_a_heap_is_read_as_spark_reads_it(text: str, expected: int) -> None:
    """A number without a unit means megabytes."""
    assert heap_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "much", "1.5g", "-1g", "1x"])
def test_a_heap_that_is_no_size_is_named(text: str) -> None:
    """Before Spark is started with it."""
    with pytest.raises(ConfigurationError, match="ECOM_SPARK_DRIVER_MEMORY"):
        heap_bytes(text)


def test_a_detour_has_four_times_the_heap() -> None:
    """In whole megabytes, as the JVM takes them."""
    assert (detour_memory("1g"), detour_memory("700m")) == ("4096m", "2800m")


@pytest.mark.parametrize(
    ("exit_code", "kind", "words"),
    [
        (3, OutOfMemory, "ECOM_SPARK_DRIVER_MEMORY"),
        (52, OutOfMemory, "ECOM_SPARK_DRIVER_MEMORY"),
        (-9, UnavailableError, "memory"),
        (1, UnavailableError, "exit code 1"),
    ],
)
def test_the_end_of_a_jvm_is_a_sentence(exit_code: int, kind: type[Exception], words: str) -> None:
    """Which setting, where it is a lack of memory."""
    error = gone(exit_code, "1g")

    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("java.lang.OutOfMemoryError: Cannot reserve 67108864 bytes of direct buffer memory", True),
        ("org.apache.arrow.memory.OutOfMemoryException: Failure allocating buffer", True),
        ("ExecutorLostFailure (executor 0 exited): Command exited with code 52, exit code 52", True),
        ("org.apache.kafka.common.errors.TimeoutException: Failed to get offsets", False),
    ],
)
def test_a_query_that_failed_for_memory_is_recognized(reason: str, expected: bool) -> None:
    """Also on executors, and outside of the heap."""
    assert tells_of_memory(reason) is expected


class Replaced(BaseException):
    """The process is another one from here on."""


def ran(monkeypatch: pytest.MonkeyPatch, argv: list[str], *, full: bool) -> list[str] | int:
    """What a stream replaces itself by, or its exit code; `full`: the heap was too small."""

    def run(stream: spark_stream.Stream, **_: bool) -> None:
        if full:
            raise OutOfMemory("1g are too small")
        stream._took_detour = stream._detour

    def replace(arguments: list[str]) -> None:
        raise Replaced(*arguments)

    monkeypatch.setattr(spark_stream, "database", lambda *_, **__: None)
    monkeypatch.setattr(spark_stream.Stream, "run", run)
    monkeypatch.setattr(spark_stream, "_replace_process", replace)
    try:
        return spark_stream.main(argv)
    except Replaced as replaced:
        return list(replaced.args)


def test_a_stream_without_memory_takes_one_detour_and_is_itself_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told what it was told before; when the detour is too small, too, a person has to give it more."""
    told = ["--token", "7", "--available-now"]

    assert ran(monkeypatch, told, full=True) == [*told, "--detour"]
    assert ran(monkeypatch, [*told, "--detour"], full=False) == told
    assert ran(monkeypatch, [*told, "--detour"], full=True) == ConfigurationError.exit_code
    assert ran(monkeypatch, told, full=False) == 0
