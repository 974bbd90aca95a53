"""Single orders out of the archive: a row of its files, turned back into the document that the stream stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

import pyarrow.dataset as ds
from pyarrow.fs import FileSystem
from pyroaring import BitMap64

from ecom_platform.archive.hdfs import archived_file_errors, arrow_file_system, demand_name_node
from ecom_platform.archive.layout import ROOT, day_folder, file_day
from ecom_platform.settings import Settings
from ecom_platform.store.archived import ArchivedIds
from ecom_platform.store.client import Document
from ecom_platform.store.manifests import Manifest, RunKind
from ecom_platform.tabular.order_schema import ORDER_SCHEMA

_ABSENT_WHEN_NULL: Final = frozenset({"extra"})


@dataclass(frozen=True, slots=True)
class Place:
    """A file of a run; `path` is below the archive's root."""

    run: str
    path: str


@dataclass(frozen=True, slots=True)
class ColdOrder:
    """An archived order as the stream stored it, and every place that counts it."""

    document: Document
    places: tuple[Place, ...]


def to_document(row: Mapping[str, Any]) -> Document:
    """The document that a row of ORDER_SCHEMA was made from: same fields, same values."""
    document: Document = {}
    for name in ORDER_SCHEMA.names:
        if name == "order_id":
            document["_id"] = row[name]
        elif name == "order_date":
            document[name] = f"{row['order_time'].astimezone(UTC):%Y-%m-%d}"
        elif row.get(name) is not None or name not in _ABSENT_WHEN_NULL:
            document[name] = _value(row[name])
    return document


def open_archive(settings: Settings) -> FileSystem:
    """The archive's file system, when its NameNode listens. Raises ConfigurationError, UnavailableError."""
    demand_name_node(settings)
    return arrow_file_system(settings)


def find_archived(settings: Settings, archived: ArchivedIds, order_id: int) -> ColdOrder | None:
    """An order out of the files of the run that archived it, or of compactions of its days; None: out of none.

    Raises as `read_orders` and `open_archive`.
    """
    run = archived.run_of(order_id)
    if run is None:
        return None
    manifests = [
        replace(manifest, files=tuple(file for file in manifest.files if file_day(file.path) in run.days))
        for manifest in (each.manifest for each in archived.runs)
        if manifest.run == run.run or manifest.kind is RunKind.COMPACTION
    ]
    return find_orders(open_archive(settings), manifests, [order_id]).get(order_id)


def find_orders(
    file_system: FileSystem, manifests: Iterable[Manifest], order_ids: Collection[int], day: str | None = None
) -> dict[int, ColdOrder]:
    """Those of the orders that files of the manifests hold, all of them in memory; as `read_orders`."""
    return {order.document["_id"]: order for order in read_orders(file_system, manifests, order_ids, day)}


def read_orders(
    file_system: FileSystem, manifests: Iterable[Manifest], order_ids: Collection[int], day: str | None = None
) -> Iterator[ColdOrder]:
    """Those of the orders that files of the manifests hold and that do not count elsewhere, one after another.

    Of two copies, which only a failure can leave behind, the later one counts and both are remembered.

    Args:
        day: looks at the files of this day only; None looks at all of them.

    Raises:
        UnavailableError: HDFS does not answer, or a file is missing or damaged.
    """
    files = _open_files(file_system, manifests, order_ids, day)
    copies = defaultdict[int, list[tuple[int, Place]]](list)
    for place, dataset, wanted in files:
        for order_id, version in _versions(dataset, place.path, wanted):
            copies[order_id].append((version, place))
    for place, dataset, _ in files:
        newest = [order_id for order_id, found in copies.items() if max(found, key=itemgetter(0))[1] == place]
        for document in _read(dataset, place.path, newest) if newest else ():
            yield ColdOrder(document, tuple(copy for _, copy in copies[document["_id"]]))


def _open_files(
    file_system: FileSystem, manifests: Iterable[Manifest], order_ids: Collection[int], day: str | None
) -> list[tuple[Place, ds.Dataset, list[int]]]:
    """The files that may hold the orders, each with those that are wanted of it."""
    found = []
    prefix = f"{day_folder(day)}/" if day else ""
    for manifest in manifests:
        wanted = list(BitMap64(order_ids) - manifest.superseded)
        for path in [file.path for file in manifest.files if file.path.startswith(prefix)] if wanted else ():
            with archived_file_errors(path):
                dataset = ds.dataset(f"{ROOT}/{path}", format="parquet", filesystem=file_system)
            found.append((Place(manifest.run, path), dataset, wanted))
    return found


def _versions(dataset: ds.Dataset, path: str, order_ids: list[int]) -> Iterator[tuple[int, int]]:
    """Id and version of those of the orders that the file has."""
    with archived_file_errors(path):
        # Statistics of the row groups leave out most of a file.
        rows = dataset.to_table(columns=["order_id", "version"], filter=ds.field("order_id").isin(order_ids))
    return zip(rows["order_id"].to_pylist(), rows["version"].to_pylist(), strict=True)


def _read(dataset: ds.Dataset, path: str, order_ids: list[int]) -> Iterator[Document]:
    """Row by row: orders may have megabytes, and a whole batch of them as Python objects would take gigabytes."""
    with archived_file_errors(path):
        scanner = dataset.scanner(
            filter=ds.field("order_id").isin(order_ids), use_threads=False, batch_readahead=0, fragment_readahead=0
        )
        for batch in scanner.to_batches():
            for number in range(batch.num_rows):
                yield to_document(batch.slice(number, 1).to_pylist()[0])


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Mapping):
        return {name: _value(part) for name, part in value.items() if part is not None or name not in _ABSENT_WHEN_NULL}
    if isinstance(value, list):
        return [_value(part) for part in value]
    return value
