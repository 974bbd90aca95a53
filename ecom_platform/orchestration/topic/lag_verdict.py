"""What a measured lag means, in one sentence and one colour. Pure apart from the types it reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from ecom_platform.kafka.held import held_sentence
from ecom_platform.orchestration.names import LAG_CHECK
from ecom_platform.orchestration.tables import TOPIC_KEY

if TYPE_CHECKING:
    # kafka-python takes a while to import, and definitions load often.
    from ecom_platform.streaming.lag import Lag

# Kafka ends a transaction that its producer left open after a minute, unless that asked for more.
LONG_OPEN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed` false and `severe` true: events are gone or the topic is another one; not severe: only late."""

    passed: bool
    severe: bool
    text: str


def verdict(lag: Lag, *, firing: bool, high: int, now: datetime) -> Verdict:
    """Judge a lag; `firing` is the state of the hysteresis, so that the check does not flap around the mark."""
    for part in lag.partitions:
        if part.replaced:
            return Verdict(
                False,
                True,
                f"Partition {part.partition}: the topic was deleted and created again; what is stored is of the old "
                "one. Restore it, or give the new one another name (ECOM_TOPIC).",
            )
        if part.next < part.begin:
            gone = part.begin - part.next
            return Verdict(
                False,
                True,
                f"Partition {part.partition}: {gone} events were deleted by Kafka's retention before they were "
                f"applied (next {part.next}, log starts at {part.begin}). `ecom stream --accept-loss` goes on.",
            )
        if part.next > part.end:
            return Verdict(
                False,
                True,
                f"Partition {part.partition}: {part.next} was applied but the topic ends at {part.end}: it was "
                "deleted and made again, or the offsets are another topic's.",
            )
    held = held_sentence(lag.held)
    behind = f"The stream is {lag.total:,} events behind"
    if firing:
        return Verdict(False, False, f"{behind}; the alarm is at {high:,}. {held}".rstrip())
    long_open = any(part.held_since and now - part.held_since >= LONG_OPEN for part in lag.partitions if part.held)
    return Verdict(not long_open, False, f"{behind}. {held}".rstrip())


def metadata(lag: Lag) -> dict[str, Any]:
    """The lag, whole and per partition, as figures that Dagster plots."""
    last = max((part.last_record_at for part in lag.partitions if part.last_record_at), default=None)
    figures: dict[str, Any] = {
        "lag_events": dg.MetadataValue.int(lag.total),
        "held_back_events": dg.MetadataValue.int(sum(part.held for part in lag.partitions)),
    }
    for part in lag.partitions:
        figures[f"lag_events_{part.partition}"] = dg.MetadataValue.int(part.lag)
        figures[f"end_offset_{part.partition}"] = dg.MetadataValue.int(part.end)
    if last is not None:
        figures["last_applied_record_at"] = dg.MetadataValue.timestamp(last)
    return figures


def evaluation(judged: Verdict, figures: dict[str, Any]) -> dg.AssetCheckEvaluation:
    """The verdict as an evaluation of the topic's check."""
    return dg.AssetCheckEvaluation(
        asset_key=TOPIC_KEY,
        check_name=LAG_CHECK,
        passed=judged.passed,
        severity=dg.AssetCheckSeverity.ERROR if judged.severe else dg.AssetCheckSeverity.WARN,
        description=judged.text,
        metadata=figures,
    )
