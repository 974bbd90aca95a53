"""The ledger: what the simulator attempted to send, and what Kafka said to it.

`ECOM_HOME/ledger/events-NNNNNN.jsonl`, one file per run, two kinds of lines: an `attempt` is written before a message
is handed to Kafka, its `outcome` after the delivery callback. An attempt without outcome is `unknown`: the simulator
was killed in between, and the message may have arrived or not. `labels.jsonl` lists planted incidents.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Self

import msgspec
from msgspec import Struct

from ecom_platform.contract.times import from_milliseconds
from ecom_platform.errors import ConfigurationError
from ecom_platform.simulator.config import Incident
from ecom_platform.simulator.emission import Emission

LABELS_FILE = "labels.jsonl"
_PREFIX = "events-"


class _Attempt(Struct, tag="attempt", tag_field="record"):
    attempt: int
    event_id: str
    event_type: str
    order_id: int | None
    fault: str | None
    expected: str
    digest: str | None
    total_cents: int | None
    resent: bool
    step: str | None = None


class _Outcome(Struct, tag="outcome", tag_field="record"):
    attempt: int
    status: str
    partition: int | None = None
    offset: int | None = None
    error: str | None = None


class LedgerEntry(Struct):
    """One attempted message with its outcome.

    `status` is acked, failed or unknown; `expected` is applied, duplicate or dead:<reason>. A `resent` message repeats
    the bytes of an earlier attempt after a crash: whichever of the two arrived first has the expected outcome, the
    other is a duplicate (a dead letter stays one). `digest` is None for a null value; `step` is the delivery
    status that a later event reports.
    """

    event_id: str
    event_type: str
    order_id: int | None
    fault: str | None
    expected: str
    digest: str | None
    total_cents: int | None
    resent: bool
    status: str
    partition: int | None
    offset: int | None
    step: str | None = None


class LedgerSummary(Struct):
    """Counts over a ledger; `expected` and `faults` count acked messages that are not resent ones."""

    attempted: int = 0
    acked: int = 0
    failed: int = 0
    unknown: int = 0
    resent: int = 0
    orders: int = 0
    total_cents: int = 0
    expected: Counter[str] = msgspec.field(default_factory=Counter)
    faults: Counter[str] = msgspec.field(default_factory=Counter)


class LedgerPosition(Struct, frozen=True):
    """A place in the ledger: file, number of the next attempt, bytes before it."""

    file: str
    attempts: int
    bytes: int


def digest_of(value: bytes | None) -> str | None:
    """Return the digest by which a message is recognised: BLAKE2b of 128 bits, in hexadecimal."""
    return None if value is None else hashlib.blake2b(value, digest_size=16).hexdigest()


class Ledger:
    """Writes one new file of the ledger; a context manager."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = _next_file(folder)
        self._opened: IO[bytes] = self._file.open("xb", buffering=1 << 20)
        self._attempts = 0
        self._encode = msgspec.json.Encoder().encode_lines

    @property
    def file(self) -> Path:
        """The file of this run."""
        return self._file

    @property
    def position(self) -> LedgerPosition:
        """Where the next attempt will stand."""
        return LedgerPosition(self._file.name, self._attempts, self._opened.tell())

    def attempt(self, batch: Iterable[Emission], *, resent: bool = False) -> range:
        """Write and flush the attempts of a batch; return their numbers. Only then may they be sent."""
        first = self._attempts
        lines = []
        for number, message in enumerate(batch, first):
            digest = digest_of(message.value)
            lines.append(
                _Attempt(
                    number,
                    message.event_id,
                    message.event_type,
                    message.order_id,
                    message.fault,
                    message.expected,
                    digest,
                    message.total_cents,
                    resent,
                    message.step,
                )
            )
        self._attempts += len(lines)
        self._write(lines)
        return range(first, self._attempts)

    def acked(self, placed: Iterable[tuple[int, int, int]]) -> None:
        """Write (attempt, partition, offset) of messages that Kafka has."""
        self._write([_Outcome(number, "acked", partition, offset) for number, partition, offset in placed])

    def failed(self, failures: Iterable[tuple[int, str]]) -> None:
        """Write (attempt, error) of messages that Kafka refused."""
        self._write([_Outcome(number, "failed", error=error) for number, error in failures])

    def _write(self, lines: list[_Attempt] | list[_Outcome]) -> None:
        if lines:
            self._opened.write(self._encode(lines))
            self._opened.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()


def read_ledger(folder: Path) -> Iterator[LedgerEntry]:
    """Yield every attempt of every run under `folder` with its outcome; nothing when there is no ledger.

    Within a file entries come in the order in which they were settled, unsettled ones last. A torn last line (the
    simulator was killed while writing it) was never followed by a send and is passed over.

    Raises:
        ConfigurationError: a line that is not the last one of its file cannot be read.
    """
    for file in sorted(folder.glob(f"{_PREFIX}*.jsonl")):
        yield from _read_file(file)


def acked_since(folder: Path, position: LedgerPosition) -> set[int]:
    """Return which of the attempts after `position` Kafka has, counted from 0; none when the file is gone."""
    file = folder / position.file
    if not file.exists():
        return set()
    decode = msgspec.json.Decoder(_Attempt | _Outcome).decode
    with file.open("rb") as opened:
        opened.seek(position.bytes)
        records = [decode(line) for line in opened if line.endswith(b"\n")]
    outcomes = [one for one in records if isinstance(one, _Outcome) and one.status == "acked"]
    return {one.attempt - position.attempts for one in outcomes}


def summarise(entries: Iterable[LedgerEntry]) -> LedgerSummary:
    """Count a ledger; `orders` and `total_cents` are those of distinct acked orders."""
    summary, orders = LedgerSummary(), dict[int, int]()
    for entry in entries:
        summary.attempted += 1
        summary.acked += entry.status == "acked"
        summary.failed += entry.status == "failed"
        summary.unknown += entry.status == "unknown"
        summary.resent += entry.resent
        if entry.status != "acked":
            continue
        if entry.order_id is not None and entry.total_cents is not None:
            orders[entry.order_id] = entry.total_cents
        if not entry.resent:
            summary.expected[entry.expected] += 1
            summary.faults[entry.fault or "none"] += 1
    summary.orders, summary.total_cents = len(orders), sum(orders.values())
    return summary


def write_labels(folder: Path, incidents: Iterable[Incident]) -> None:
    """Append planted incidents to `labels.jsonl`: kind, entity, from, to."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = [
        {
            "kind": one.kind,
            "entity": one.entity,
            "from": from_milliseconds(one.from_ms),
            "to": from_milliseconds(one.to_ms),
        }
        for one in incidents
    ]
    with (folder / LABELS_FILE).open("ab") as opened:
        opened.write(msgspec.json.Encoder().encode_lines(labels))


def _next_file(folder: Path) -> Path:
    numbers = [int(file.stem.removeprefix(_PREFIX)) for file in folder.glob(f"{_PREFIX}*.jsonl")]
    return folder / f"{_PREFIX}{max(numbers, default=0) + 1:06d}.jsonl"


def _read_file(file: Path) -> Iterator[LedgerEntry]:
    decode = msgspec.json.Decoder(_Attempt | _Outcome).decode
    open_attempts: dict[int, _Attempt] = {}
    with file.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            if not line.endswith(b"\n"):
                break
            try:
                record = decode(line)
            except msgspec.DecodeError as error:
                raise ConfigurationError(
                    f"Line {number} of {file} is not a ledger line ({error}). The ledger was changed by hand; "
                    "remove the file to go on without it."
                ) from error
            if isinstance(record, _Attempt):
                open_attempts[record.attempt] = record
            else:
                yield _entry(open_attempts.pop(record.attempt), record)
    for attempt in open_attempts.values():
        yield _entry(attempt, _Outcome(attempt.attempt, "unknown"))


def _entry(attempt: _Attempt, outcome: _Outcome) -> LedgerEntry:
    return LedgerEntry(
        attempt.event_id,
        attempt.event_type,
        attempt.order_id,
        attempt.fault,
        attempt.expected,
        attempt.digest,
        attempt.total_cents,
        attempt.resent,
        outcome.status,
        outcome.partition,
        outcome.offset,
        attempt.step,
    )
