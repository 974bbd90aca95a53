"""An archive run from its plan to its end, and the two parts of it that can be run one by one.

    archive(settings, db, policy=None, *, days=None, progress=…, owner=…, run_id=None, spark=None) -> list[Manifest]
        everything: finishes what an earlier run left, then plans, writes, checks, commits, purges and compacts.

    with held_archiver(settings, db, owner=…, run_id=…, progress=…) as archiver:      # from archive.archiver_lease
        archive_to_commit(archiver, policy, days=None, spark=None) -> Manifest | None  # None: nothing to do
        purge_committed(archiver) -> list[Manifest]      # every COMMITTED or PURGING run; compacts

Each of them resumes what it finds, so that after any crash the same call again is the repair.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ecom_platform.archive.archiver_lease import Archiver, Progress, held_archiver, no_progress
from ecom_platform.archive.check import Checked, check, refuse
from ecom_platform.archive.compact import compact
from ecom_platform.archive.compaction_plan import paths_to_keep
from ecom_platform.archive.copies import paths_of_strangers
from ecom_platform.archive.files import remove_older
from ecom_platform.archive.plan import PlannedDay, count_days, read_frontier, read_plan
from ecom_platform.archive.policy import Policy, policy_of
from ecom_platform.archive.publish import commit, publish
from ecom_platform.archive.purge import PURGEABLE, finish, purge
from ecom_platform.archive.transition import advance, create, file_documents, restart, take_over
from ecom_platform.errors import AccountingError, Fenced, UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase, mongo_errors
from ecom_platform.store.collections import LATE_EVENTS
from ecom_platform.store.manifests import FINISHED, Manifest, RunState, read_manifests

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

STEPS: Final = ("planned", "written", "published", "checked", "committed", "purging", "done", "compacted")
"""What progress is reported of, in order. A step is over when it is reported with as much done as there is to do."""


def archive(
    settings: Settings,
    db: MongoDatabase,
    policy: Policy | None = None,
    *,
    days: Collection[str] | None = None,
    progress: Progress = no_progress,
    owner: str = "ecom archive",
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> list[Manifest]:
    """Finish what an earlier run left, then archive what the policy takes, purge included.

    Args:
        policy: default: of the settings, now.
        days: these UTC days only, of the new run.
        progress: called at every step.
        spark: a session to use; default: one of its own.

    Returns:
        The runs that were finished, oldest first; none when there was nothing to do.

    Raises:
        Fenced: another archiver works.
        FilesDamaged: the check found that files are not what they should be; they do not count.
        NeedsPerson: that happened several times in a row, or a file was damaged after its check.
        UnavailableError: a server does not answer; running again goes on from there.
        ConfigurationError: no HDFS is known.
    """
    with held_archiver(settings, db, owner=owner, run_id=run_id, progress=progress) as archiver:
        finished = _purge_committed(archiver)
        earlier = {manifest.run for manifest in unfinished_runs(db)}
        policy = policy or policy_of(settings)
        while (manifest := archive_to_commit(archiver, policy, days=days, spark=spark)) is not None:
            finished += _purge_committed(archiver)
            if manifest.run not in earlier:
                break
        _compact(archiver)
        return finished


def archive_to_commit(
    archiver: Archiver,
    policy: Policy,
    *,
    days: Collection[str] | None = None,
    spark: SparkSession | None = None,
) -> Manifest | None:
    """Bring an unfinished run, else a new one, to COMMITTED. None when there is nothing to archive.

    A committed run is purged first: two runs at once would both hold an order.

    Raises: as `archive`.
    """
    _purge_committed(archiver)
    _bring_back(archiver)
    left = unfinished_runs(archiver.db)
    resumed = _resumed(archiver, left[0]) if left else None
    _remove_older(archiver)
    if resumed is not None:
        return resumed if resumed.is_cold else _to_commit(archiver, resumed, None, spark)
    frontier = read_frontier(archiver.db, archiver.settings.topic)
    plan = read_plan(archiver.db, policy, days)
    if not plan.days:
        return None
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{archiver.token}"
    manifest = create(archiver.db, run, archiver.token, [day.day for day in plan.days], policy, frontier)
    archiver.say("planned")
    return _to_commit(archiver, manifest, plan.days, spark)


def purge_committed(archiver: Archiver) -> list[Manifest]:
    """Purge and end every committed run, whichever archiver made it, and compact. Raises UnavailableError, Fenced."""
    done = _purge_committed(archiver)
    _compact(archiver)
    return done


def unfinished_runs(db: MongoDatabase) -> list[Manifest]:
    """Runs that are neither DONE nor REVOKED; at most one, unless manifests were changed by hand.

    Raises UnavailableError.
    """
    return read_manifests(db, [state for state in RunState if state not in FINISHED])


def _purge_committed(archiver: Archiver) -> list[Manifest]:
    done = []
    for manifest in read_manifests(archiver.db, PURGEABLE):
        if manifest.state == RunState.COMMITTED and not (manifest.verdict and manifest.verdict.passed):
            # Only older versions let a run count before it was checked. Nothing of it was deleted, and hot rows win.
            _restart(archiver, manifest)
            continue
        mine = take_over(archiver.db, manifest, archiver.token)
        done.append(finish(archiver, purge(archiver, mine)))
        archiver.say("done")
        _bring_back(archiver)
    return done


def _resumed(archiver: Archiver, manifest: Manifest) -> Manifest:
    """Take an unfinished run over: committed when its files pass their check, else at its start under the new token."""
    if manifest.state == RunState.PLANNED and manifest.token == archiver.token:
        return manifest  # this archiver has just put it back to its start
    if manifest.state == RunState.PUBLISHED and manifest.verdict is None:
        try:
            checked = check(archiver, manifest)
        except UnavailableError as error:
            # Nothing counts yet: for any reason, writing the files again costs time only.
            log.warning("archive_run_starts_over run=%s reason=%s", manifest.run, error)
        else:
            if checked.passed:
                return _commit(archiver, take_over(archiver.db, manifest, archiver.token), checked)
            log.warning("archive_run_starts_over run=%s reason=%s", manifest.run, checked.text)
    return _restart(archiver, manifest)


def _restart(archiver: Archiver, manifest: Manifest) -> Manifest:
    return restart(archiver.db, manifest, archiver.token, read_frontier(archiver.db, archiver.settings.topic))


def _bring_back(archiver: Archiver) -> None:
    """Bring orders with late events back between two steps: only the holder of the archiver's role can do that."""
    from ecom_platform.archive.rehydrate import rehydrate

    with mongo_errors("looking for late events"):
        waiting = archiver.db[LATE_EVENTS].find_one({}, {"_id": 1}) is not None
    if not waiting:
        return
    try:
        rehydrate(archiver.settings, archiver.db, archiver.lease)
    except (AccountingError, UnavailableError) as error:
        # They still wait, and the next run tries again; this one does not depend on them.
        log.warning("late_events_wait reason=%s", error)


def _remove_older(archiver: Archiver) -> None:
    manifests = read_manifests(archiver.db)
    strangers = paths_of_strangers(archiver.hdfs, {manifest.run for manifest in manifests})
    if strangers:
        # No figure counts their orders, but they may be all that is left of them.
        log.warning(
            "archive_of_another_database runs=%d kept_files=%d", len(strangers), sum(map(len, strangers.values()))
        )
    keep = paths_to_keep(manifests, datetime.now(UTC)).union(*strangers.values())
    remove_older(archiver.hdfs, archiver.token, keep)


def _compact(archiver: Archiver) -> None:
    """At the end of a run: what was archived is archived, whether this works or not."""
    try:
        compact(archiver)
    except (AccountingError, Fenced, UnavailableError) as error:
        # Every row still counts once from where it was, and the next run, or the archiver that took over, tries again.
        log.warning("compaction_waits reason=%s", error)


def _to_commit(
    archiver: Archiver, planned: Manifest, days: Collection[PlannedDay] | None, spark: SparkSession | None
) -> Manifest:
    written = _write(archiver, planned, days, spark)
    archiver.say("written")
    _bring_back(archiver)
    published = publish(archiver, written)
    archiver.say("published")
    _bring_back(archiver)
    checked = check(archiver, published)
    if not checked.passed:
        refuse(archiver, published, checked)
    return _commit(archiver, published, checked)


def _commit(archiver: Archiver, manifest: Manifest, checked: Checked) -> Manifest:
    committed = commit(archiver, manifest, checked)
    archiver.say("committed")
    _bring_back(archiver)
    return committed


def _write(
    archiver: Archiver, manifest: Manifest, days: Collection[PlannedDay] | None, spark: SparkSession | None
) -> Manifest:
    from ecom_platform.archive.spark_write import slices, write_orders

    if days is None:
        policy = Policy.from_document(manifest.policy)
        days = [day for day in count_days(archiver.db, policy, manifest.days) if day.orders]
    with _session(archiver.settings, spark) as session:
        archiver.say("written", 0, 1)
        files, totals = write_orders(session, archiver.settings, manifest, slices(list(days)))
    return advance(
        archiver.db,
        manifest,
        RunState.WRITTEN,
        files=file_documents(files),
        rows=totals.rows,
        checksum=totals.checksum,
    )


@contextmanager
def _session(settings: Settings, given: SparkSession | None) -> Iterator[SparkSession]:
    from ecom_platform.archive.spark_write import archive_session

    if given is not None:
        yield given
        return
    with archive_session(settings) as session:
        yield session
