"""The archived orders as the reconciliation reads them: one after the other, at the instant of a session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa
from bson.timestamp import Timestamp
from pymongo.client_session import ClientSession
from pyroaring import BitMap64

from ecom_platform.archive.lookup import open_archive
from ecom_platform.history.reader import cold_batches
from ecom_platform.history.snapshot import HistorySnapshot
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase
from ecom_platform.store.archived import read_run_ids
from ecom_platform.store.manifests import COLD_STATES, RunState, read_manifests
from ecom_platform.tabular.order_schema import ORDER_SCHEMA

_UNUSED: Final = frozenset({"user_id", "order_date", "warehouse_name", "src", "version", "extra"})
_SCHEMA: Final = pa.schema([column for column in ORDER_SCHEMA if column.name not in _UNUSED])
_BATCH_ROWS: Final = 2_000  # as Python objects at once


def read_cold_orders(
    settings: Settings, db: MongoDatabase, session: ClientSession, hot: BitMap64
) -> Iterator[Mapping[str, Any]]:
    """The orders that count in the archive, without what no equation asks for.

    Args:
        session: of the instant at which `hot` was read.
        hot: ids of all hot orders: until a run is done, they count there.

    Raises:
        ConfigurationError: there are archived orders, and no HDFS is known.
        UnavailableError: MongoDB or HDFS does not answer, or a file is missing or damaged.
    """
    manifests = tuple(read_manifests(db, COLD_STATES, session=session))
    if not manifests:
        return
    copies = {
        manifest.run: hot & read_run_ids(db, manifest.run, session)
        for manifest in manifests
        if manifest.state != RunState.DONE
    }
    # The instant is the session's: nothing else is read of this snapshot.
    snapshot = HistorySnapshot(Timestamp(0, 0), manifests, copies, late_events=0, offsets={})
    for batch in cold_batches(open_archive(settings), snapshot, _SCHEMA):
        for first in range(0, batch.num_rows, _BATCH_ROWS):
            for row in batch.slice(first, _BATCH_ROWS).to_pylist():
                yield {"_id": row["order_id"], **row}
