"""When a stream that fails again and again will never start."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.local.stream_starts import StreamStarts
from ecom_platform.settings import Settings
from ecom_platform.streaming.starts import STARTING, hopeless

START = f"{STARTING} token=7"
NO_JVM = [
    "WARNING: Using incubator modules: jdk.incubator.vector",
    "Error occurred during initialization of VM",
    "Could not reserve enough space for 943718400000KB object heap",
    "2026-11-29 02:26:36,160 ERROR stream_crashed",
    "Traceback (most recent call last):",
    '  File "session.py", line 559, in getOrCreate',
    "PySparkRuntimeError: [JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port number.",
]
NO_JAR = ["2026-11-29 02:26:36,160 ERROR stream_ended error=ConfigurationError text=org.a:b:1 is not in /jars."]
NO_KAFKA = ["2026-11-29 02:26:36,160 ERROR stream_ended error=UnavailableError text=Kafka at 127.0.0.1:9092 is silent."]
GOOD = ["2026-11-29 02:26:36,160 INFO batch_applied id=0 events=7 seconds=0.2"]
TOLD_TO_STOP = ["2026-11-29 02:26:36,160 INFO stream_ended"]
KILLED = ["2026-11-29 02:26:36,160 INFO dimensions_loaded version=1"]


def log(*starts: list[str]) -> list[str]:
    """A log of these starts, after something that another program said."""
    return ["not of a start", *(line for start in starts for line in (START, *start))]


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ([NO_JVM, NO_JVM], "Before that: Error occurred during initialization of VM Could not reserve enough space"),
        ([NO_JAR], "org.a:b:1 is not in /jars."),
        ([NO_KAFKA] * 4, "Kafka at 127.0.0.1:9092 is silent."),
        ([GOOD, NO_JVM, NO_JVM], "Java gateway process exited"),
        ([KILLED, KILLED, []], "dimensions_loaded"),
        ([[], [], []], "It said nothing."),
    ],
    ids=["no JVM", "no jar", "no Kafka for long", "worked once", "killed", "silent"],
)
def test_the_same_failure_again_is_one_that_stays(starts: list[list[str]], words: str) -> None:
    """With the cause, which Java says before Python does."""
    failure = hopeless(log(*starts))

    assert failure is not None
    assert words in failure.words


@pytest.mark.parametrize(
    "starts",
    [
        [],
        [[]],
        [NO_JVM],
        [NO_JVM, GOOD],
        [NO_JVM, KILLED, []],
        [NO_JVM, GOOD, NO_JVM],
        [NO_KAFKA] * 3,
        [TOLD_TO_STOP, TOLD_TO_STOP, []],
    ],
    ids=["none", "the first runs", "once", "then it worked", "two faults", "in between it worked", "a server is late",
         "told to stop"],
)  # fmt: skip
def test_anything_else_may_mend_itself(starts: list[list[str]]) -> None:
    """The supervisor starts it again; whoever waits, waits on."""
    assert hopeless(log(*starts)) is None


def test_numbers_that_differ_are_no_difference() -> None:
    """Ports and process numbers are others every time."""
    first, second = ([f"ConnectionRefusedError: 127.0.0.1:{port}"] for port in (41234, 52345))

    assert hopeless(log(first, second, [])) is not None


def test_only_what_was_said_since_counts(tmp_path: Path) -> None:
    """Yesterday's faults may have been mended; today's are quoted with their log."""
    settings = Settings(_env_file=None, home=tmp_path)
    settings.logs.mkdir()
    file = settings.logs / "stream.log"
    file.write_text("\n".join([*log(NO_JVM, NO_JVM), ""]))
    starts = StreamStarts(settings)
    assert starts.works()

    with file.open("a") as more:
        more.write("\n".join([*log(NO_JVM, NO_JVM), ""]))
    with pytest.raises(UnavailableError, match=r"2 starts in a row.*Could not reserve enough space.*stream\.log"):
        starts.works()

    with file.open("a") as more:
        more.write("\n".join([*log(NO_JAR), ""]))
    with pytest.raises(ConfigurationError, match=r"org\.a:b:1 is not in /jars"):
        starts.works()
