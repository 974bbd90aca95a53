"""Every offset of the topic is accounted for. Pure: numbers of the broker and of the store in, equations out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ecom_platform.kafka.topic import TopicState
from ecom_platform.reconcile.report import Equation
from ecom_platform.store import Counters, PartitionOffsets
from ecom_platform.store.late_events import LateOutcomes


@dataclass(frozen=True, slots=True)
class LateEvents:
    """Events of archived orders, in one partition: those that wait, and what the others became."""

    waiting: int = 0
    became: LateOutcomes = field(default_factory=LateOutcomes)


def topic_equations(
    topic: TopicState,
    stored: Mapping[int, PartitionOffsets],
    dead_letters: Mapping[int, int],
    late_events: Mapping[int, LateEvents],
) -> list[Equation]:
    """The equations of every partition that the broker or the store knows.

    Args:
        topic: read from the broker after `stored`, so that the end cannot lie below `next` by mere timing.
        stored: what the stream recorded.
        dead_letters: stored dead letters with an offset in [first, next), per partition.
        late_events: those with an offset in [first, next), per partition that had any.
    """
    equations = []
    for partition in sorted({*topic.end, *stored}):
        name = f"{topic.topic}-{partition}"
        part = stored.get(partition)
        if part is None:
            waiting = topic.end[partition] - topic.begin[partition]
            equations.append(Equation(f"{name} offsets", True, f"the stream has not begun; {waiting:,} events wait"))
            continue
        equations.append(_offset_equation(name, part))
        equations.append(_range_equation(name, part, topic))
        late = late_events.get(partition, LateEvents())
        equations.append(_dead_equation(name, part, dead_letters.get(partition, 0), late.became.dead))
        if part.counters.late or late != LateEvents():
            equations.append(_late_equation(name, part, late))
    return equations


def applied_equation(
    stored: Mapping[int, PartitionOffsets], late_applied: int, orders: int, steps: int, receipts: int
) -> Equation:
    """What was applied stands in the facts: orders placed, later steps in them, stock received.

    Args:
        stored: has what the stream applied.
        late_applied: steps that were applied when archived orders were brought back.
        orders: hot and cold ones.
        steps: after the first, in all of them.
        receipts: of stock.
    """
    applied = sum(part.counters.applied for part in stored.values()) + late_applied
    found = orders + steps + receipts
    numbers = f"{orders:,} orders + {steps:,} later steps + {receipts:,} stock receipts"
    if applied == found:
        return Equation("applied = facts", True, f"{applied:,} = {numbers}")
    verb = "are missing from" if found < applied else "are too many in"
    detail = f"{applied:,} ≠ {numbers} = {found:,}: {abs(applied - found):,} {verb} the facts (applied but not stored)"
    return Equation("applied = facts", False, detail)


def _offset_equation(name: str, part: PartitionOffsets) -> Equation:
    read = part.next - part.first
    counted = " + ".join(f"{each.name} {getattr(part.counters, each.name):,}" for each in fields(Counters))
    sign = "=" if part.counters.total == read else "≠"
    difference = "" if sign == "=" else f": {part.counters.total - read:+,} events counted"
    detail = f"next {part.next:,} − first {part.first:,} = {read:,} {sign} {counted}{difference}"
    return Equation(f"{name} offsets", sign == "=", detail)


def _range_equation(name: str, part: PartitionOffsets, topic: TopicState) -> Equation:
    title = f"{name} in the topic"
    if part.topic_id != topic.topic_id:
        detail = f"offsets are of topic id {part.topic_id}, the broker has {topic.topic_id}: it was created again"
        return Equation(title, False, detail)
    if part.partition not in topic.end:
        return Equation(title, False, "the broker has no such partition")
    begin, end = topic.begin[part.partition], topic.end[part.partition]
    numbers = f"first {part.first:,}, log {begin:,} to {end:,}, next {part.next:,}, lag {max(end - part.next, 0):,}"
    if held := topic.held(part.partition, part.next):
        numbers += f", {held:,} of it behind an open transaction"
    if begin < part.first:
        return Equation(title, False, f"{numbers}: offsets {begin:,} to {part.first - 1:,} were never read")
    if part.next < begin:
        return Equation(title, False, f"{numbers}: offsets {part.next:,} to {begin - 1:,} were deleted unread")
    if part.next > end:
        return Equation(title, False, f"{numbers}: more was applied than the log holds, the broker lost its end")
    return Equation(title, True, numbers)


def _dead_equation(name: str, part: PartitionOffsets, stored: int, late: int) -> Equation:
    counted = part.counters.dead + late
    numbers = f"{part.counters.dead:,} counted" + (f" + {late:,} late events" if late else "")
    return Equation(
        f"{name} dead letters", counted == stored, f"{stored:,} stored {'=' if counted == stored else '≠'} {numbers}"
    )


def _late_equation(name: str, part: PartitionOffsets, late: LateEvents) -> Equation:
    found, counted = late.waiting + late.became.total, part.counters.late
    became = " + ".join(f"{each.name} {getattr(late.became, each.name):,}" for each in fields(LateOutcomes))
    detail = f"{counted:,} counted {'=' if found == counted else '≠'} waiting {late.waiting:,} + {became}"
    return Equation(f"{name} late events", found == counted, detail)
