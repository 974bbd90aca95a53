"""Single orders out of the archive: a row of its files, turned back into the document that the stream stored."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow.dataset as ds
from pyarrow.fs import FileSystem
from pyroaring import BitMap64

from ecom_platform.archive.hdfs import archived_file_errors, arrow_file_system, hdfs_errors
from ecom_platform.archive.layout import ROOT, day_folder
from ecom_platform.settings import Settings
from ecom_platform.store.client import Document
from ecom_platform.store.manifests import Manifest
from ecom_platform.store.order_schema import ORDER_SCHEMA

__all__ = ["ColdOrder", "Place", "find_orders", "open_archive", "to_document"]

_CONNECT_SECONDS: Final = 5.0
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
    file_system = arrow_file_system(settings)
    address = urlsplit(settings.hdfs_uri)
    with hdfs_errors("looking for the NameNode"):
        # The client itself tries for minutes, in native code that cannot be interrupted.
        socket.create_connection((str(address.hostname), int(address.port or 0)), _CONNECT_SECONDS).close()
    return file_system


def find_orders(
    file_system: FileSystem, manifests: Iterable[Manifest], order_ids: Collection[int], day: str | None = None
) -> dict[int, ColdOrder]:
    """Those of the orders that files of the manifests hold and that do not count elsewhere.

    Args:
        day: looks at the files of this day only; None looks at all of them.

    Raises:
        UnavailableError: HDFS does not answer, or a file is missing or damaged.
    """
    found: dict[int, ColdOrder] = {}
    prefix = f"{day_folder(day)}/" if day else ""
    for manifest in manifests:
        wanted = BitMap64(order_ids) - manifest.superseded
        paths = [file.path for file in manifest.files if file.path.startswith(prefix)]
        for path in paths if wanted else ():
            for document in _read(file_system, path, list(wanted)):
                _keep_newest(found, ColdOrder(document, (Place(manifest.run, path),)))
    return found


def _keep_newest(found: dict[int, ColdOrder], order: ColdOrder) -> None:
    """Of two copies, which only a failure can leave behind, the later one counts and both are remembered."""
    other = found.get(order.document["_id"], order)
    newest = max(order, other, key=lambda copy: copy.document["version"])
    places = order.places if other is order else other.places + order.places
    found[order.document["_id"]] = ColdOrder(newest.document, places)


def _read(file_system: FileSystem, path: str, order_ids: list[int]) -> Iterator[Document]:
    with archived_file_errors(path):
        dataset = ds.dataset(f"{ROOT}/{path}", format="parquet", filesystem=file_system)
        # Statistics of the row groups leave out most of a file.
        rows = dataset.to_table(filter=ds.field("order_id").isin(order_ids)).to_pylist()
    return map(to_document, rows)


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Mapping):
        return {name: _value(part) for name, part in value.items() if part is not None or name not in _ABSENT_WHEN_NULL}
    if isinstance(value, list):
        return [_value(part) for part in value]
    return value
