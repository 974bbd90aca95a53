"""Why a streaming query failed: the one sentence that was meant, out of all that was wrapped around it. Pure."""

from __future__ import annotations

import re

from ecom_platform.errors import UnavailableError

# Python prints the class with its module before the text; several tracebacks may lie in each other.
_OURS = re.compile(r"^ecom_platform\.errors\.\w+: (.+?)\s*(?=^\s*$|^\s+at |\Z)", re.MULTILINE | re.DOTALL)
_WORKER = re.compile(
    r"An exception was thrown from the Python worker:\nTraceback.*?^(\w[\w.]*: .+?)$", re.MULTILINE | re.DOTALL
)
# What the JVM tells last is the first cause; those of Java itself ("long overflow") only say how it was noticed.
_CAUSE = re.compile(r"^Caused by: (?!java\.lang\.)[\w.$]+: (.+)$", re.MULTILINE)
_JVM = re.compile(r"^: [\w.$]+: (.+)$", re.MULTILINE)
# Spark appends its whole plan.
_PLAN = "=== Streaming Query ==="


def reason_of(text: str) -> str:
    """The sentence in the text of a failed query: of the task, else of the JVM's first cause, else the first line."""
    told = text.partition(_PLAN)[0]
    for pattern in (_OURS, _WORKER, _CAUSE, _JVM):
        found = pattern.findall(told)
        if found:
            return " ".join(str(found[-1]).split())
    return next((line.strip() for line in told.splitlines() if line.strip()), "no reason was given")


def explain(text: str) -> UnavailableError:
    """A query that failed by itself: a server stopped answering, or Spark did; the launcher starts it again."""
    return UnavailableError(
        f"The streaming query failed: {reason_of(text).rstrip('.')}. Chunks that were committed stay; the next start "
        "goes on behind them. The stream's log has the details."
    )


def unreadable_partition(text: str, topic: str) -> int | None:
    """The partition in which Spark's source met something that it cannot read; None: it failed of something else."""
    name = re.escape(topic)
    patterns = (
        rf"Record at topic {name} partition (\d+) offset \d+ has timestamp",
        rf"when fetching the next record from {name}-(\d+)\. If needed, please seek past",
        rf"Record batch for partition {name}-(\d+) at offset \d+ is invalid",
        rf"Encountered corrupt message when fetching offset \d+ for topic-partition {name}-(\d+)",
    )
    found = next((match for pattern in patterns if (match := re.search(pattern, text))), None)
    return int(found[1]) if found else None
