"""How the pipeline itself is doing: whether every event is accounted for, how fast they come, which cannot be used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from dashboard.queries.buckets import instants
from dashboard.ranges import Window
from ecom_platform.kpi import Grain
from ecom_platform.store.client import Document, MongoDatabase
from ecom_platform.store.collections import DEAD_LETTERS, INGEST_MINUTE, LATE_EVENTS
from ecom_platform.store.late_events import LateOutcomes, read_late_outcomes
from ecom_platform.store.offsets import Counters, PartitionOffsets, read_offsets
from ecom_platform.store.progress import Progress, read_progress
from ecom_platform.streaming.latency_histogram import wait_percentile_seconds

OUTCOMES = ("applied", "duplicate", "dead", "late")
_SHOWN_BYTES = 600
_SAMPLES = 5


@dataclass(frozen=True)
class Light:
    """One equation: whether it holds, and its numbers in words."""

    name: str
    holds: bool
    words: str


@dataclass(frozen=True)
class Stream:
    """The stream at one instant; `lights` are empty before it has begun."""

    progress: tuple[Progress, ...]
    lights: tuple[Light, ...]

    @property
    def lag(self) -> int:
        """Events in Kafka that are not yet in the figures."""
        return sum(part.lag for part in self.progress)

    @property
    def held(self) -> int:
        """Those of them that an open transaction keeps from being read."""
        return sum(part.held for part in self.progress)

    @property
    def held_since(self) -> datetime | None:
        """Since when the oldest of these transactions is open."""
        return min((part.held_since for part in self.progress if part.held_since), default=None)

    @property
    def last_record_at(self) -> datetime | None:
        """Kafka's time of the newest event that was applied."""
        return max((part.last_record_at for part in self.progress if part.last_record_at), default=None)

    @property
    def last_batch(self) -> Progress | None:
        """What was applied last, as its heartbeat says."""
        return max(self.progress, key=lambda part: part.batch_id, default=None)


@dataclass(frozen=True)
class Minute:
    """Events by what became of them, of the minute of Kafka's clock that starts `at`; `waited` by bin of their wait."""

    at: datetime
    applied: int = 0
    duplicate: int = 0
    dead: int = 0
    late: int = 0
    waited: Mapping[int, int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """All of them."""
        return sum(getattr(self, name) for name in OUTCOMES)


@dataclass(frozen=True)
class DeadLetter:
    """A message that could not be used; `text` is the beginning of its bytes."""

    place: str
    topic: str
    partition: int
    offset: int
    reason: str
    error: str
    seen_at: datetime
    text: str


@dataclass(frozen=True)
class DeadLetters:
    """Those seen in a window: how many by reason, most first, and the newest."""

    by_reason: Mapping[str, int]
    newest: tuple[DeadLetter, ...]


def stream(db: MongoDatabase, topic: str) -> Stream:
    """Heartbeat and equations of every partition; `db` is of one instant, or the sums may not agree."""
    stored = read_offsets(db, topic)
    became = read_late_outcomes(db, topic)
    lights = []
    for number, part in stored.items():
        late = became.get(number, LateOutcomes())
        place = {"topic": topic, "partition": number, "offset": {"$gte": part.first, "$lt": part.next}}
        lights += [
            _every_offset(part),
            _dead(part, _number(db, DEAD_LETTERS, place), late),
            _late(part, _number(db, LATE_EVENTS, place), late),
        ]
    return Stream(tuple(read_progress(db, topic)), tuple(lights))


def ingested(db: MongoDatabase, now: datetime, minutes: int = 60) -> list[Minute]:
    """The last minutes in order, the running one last; one without events is a minute of zeros."""
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    window = Window(end - timedelta(minutes=minutes), end)
    rows: defaultdict[datetime, list[Document]] = defaultdict(list)
    for row in db[INGEST_MINUTE].find({"t": {"$gte": window.start, "$lt": window.end}}):
        rows[row["t"]].append(row)
    return [_minute(at, rows[at]) for at in instants(window, Grain.MINUTE)]


def wait_seconds(minutes: Iterable[Minute], percent: int) -> float | None:
    """A percentile of the time from Kafka to the transaction, to 50 milliseconds; None without events."""
    bins: Counter[int] = Counter()
    for minute in minutes:
        bins.update(minute.waited)
    return wait_percentile_seconds(bins, percent)


def dead_letters(db: MongoDatabase, window: Window) -> DeadLetters:
    """Those that were set aside in `window`."""
    seen = {"seen_at": {"$gte": window.start, "$lt": window.end}}
    rows = db[DEAD_LETTERS].aggregate([{"$match": seen}, {"$group": {"_id": "$reason", "number": {"$sum": 1}}}])
    counted = Counter({row["_id"]: row["number"] for row in rows})
    newest = db[DEAD_LETTERS].find(seen).sort([("seen_at", -1), ("_id", -1)]).limit(_SAMPLES)
    return DeadLetters(
        dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))),
        tuple(
            DeadLetter(
                row["_id"],
                row["topic"],
                row["partition"],
                row["offset"],
                row["reason"],
                row["error"],
                row["seen_at"],
                bytes(row["raw"] or b"")[:_SHOWN_BYTES].decode(errors="replace"),
            )
            for row in newest
        ),
    )


def _minute(at: datetime, partitions: Iterable[Document]) -> Minute:
    waited: Counter[int] = Counter()
    counts = dict.fromkeys(OUTCOMES, 0)
    for row in partitions:
        for name in OUTCOMES:
            counts[name] += row.get(name, 0)
        waited.update({int(number): events for number, events in row.get("waited", {}).items()})
    return Minute(at, **counts, waited=waited)


def _number(db: MongoDatabase, collection: str, query: Mapping[str, object]) -> int:
    rows = list(db[collection].aggregate([{"$match": query}, {"$count": "number"}]))
    return int(rows[0]["number"]) if rows else 0


def _every_offset(part: PartitionOffsets) -> Light:
    read, counters = part.next - part.first, part.counters
    became = " + ".join(f"{getattr(counters, each.name):,} {each.name}" for each in fields(Counters))
    return Light(
        f"Partition {part.partition}: every event",
        read == counters.total,
        f"{read:,} read {_sign(read, counters.total)} {became}",
    )


def _dead(part: PartitionOffsets, stored: int, late: LateOutcomes) -> Light:
    counted = part.counters.dead + late.dead
    return Light(
        f"Partition {part.partition}: dead letters",
        stored == counted,
        f"{stored:,} stored {_sign(stored, counted)} {counted:,} counted",
    )


def _late(part: PartitionOffsets, waiting: int, late: LateOutcomes) -> Light:
    counted = part.counters.late
    return Light(
        f"Partition {part.partition}: late events",
        counted == waiting + late.total,
        f"{counted:,} counted {_sign(counted, waiting + late.total)} {waiting:,} waiting + {late.applied:,} applied + "
        f"{late.duplicate:,} duplicate + {late.dead:,} dead",
    )


def _sign(one: int, other: int) -> str:
    return "=" if one == other else "≠"
