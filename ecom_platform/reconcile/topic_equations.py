"""Every offset of the topic is accounted for. Pure: numbers of the broker and of the store in, equations out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from ecom_platform.reconcile.report import Equation
from ecom_platform.store import Counters, PartitionOffsets
from ecom_platform.streaming.topic import TopicState

__all__ = ["applied_equation", "lag_of", "topic_equations"]


def topic_equations(
    topic: TopicState, stored: Mapping[int, PartitionOffsets], dead_letters: Mapping[int, int]
) -> list[Equation]:
    """The equations of every partition that the broker or the store knows.

    Args:
        topic: read from the broker after `stored`, so that the end cannot lie below `next` by mere timing.
        stored: what the stream recorded.
        dead_letters: stored dead letters with an offset in [first, next), per partition.
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
        equations.append(_dead_equation(name, part, dead_letters.get(partition, 0)))
    return equations


def applied_equation(stored: Mapping[int, PartitionOffsets], orders: int, steps: int, receipts: int) -> Equation:
    """What the stream counted as applied stands in the facts: orders placed, later steps in them, stock received."""
    applied = sum(part.counters.applied for part in stored.values())
    found = orders + steps + receipts
    numbers = f"{orders:,} orders + {steps:,} later steps + {receipts:,} stock receipts"
    if applied == found:
        return Equation("applied = facts", True, f"{applied:,} = {numbers}")
    verb = "are missing from" if found < applied else "are too many in"
    detail = f"{applied:,} ≠ {numbers} = {found:,}: {abs(applied - found):,} {verb} the facts (applied but not stored)"
    return Equation("applied = facts", False, detail)


def lag_of(topic: TopicState, stored: Mapping[int, PartitionOffsets]) -> int:
    """Events in the topic that are not yet accounted for."""
    lag = 0
    for partition, end in topic.end.items():
        position = stored[partition].next if partition in stored else topic.begin[partition]
        lag += max(end - position, 0)
    return lag


def _offset_equation(name: str, part: PartitionOffsets) -> Equation:
    read = part.next - part.first
    counted = " + ".join(f"{field.name} {getattr(part.counters, field.name):,}" for field in fields(Counters))
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
    if begin < part.first:
        return Equation(title, False, f"{numbers}: offsets {begin:,} to {part.first - 1:,} were never read")
    if part.next < begin:
        return Equation(title, False, f"{numbers}: offsets {part.next:,} to {begin - 1:,} were deleted unread")
    if part.next > end:
        return Equation(title, False, f"{numbers}: more was applied than the log holds, the broker lost its end")
    return Equation(title, True, numbers)


def _dead_equation(name: str, part: PartitionOffsets, stored: int) -> Equation:
    counted = part.counters.dead
    if counted == stored:
        return Equation(f"{name} dead letters", True, f"{stored:,} stored = {counted:,} counted")
    return Equation(f"{name} dead letters", False, f"{stored:,} stored ≠ {counted:,} counted")
