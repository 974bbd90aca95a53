"""Documents of MongoDB as Arrow record batches: the fields of a schema, in its types, nested as they are.

What a schema may hold: integers, floats, booleans, strings, timestamps, dates, structs and lists. A missing field is
null, and so is a sub-document without any value in the fields asked for. An integer column takes 64-bit and 32-bit
integers, and cuts the fraction of a double; any other value of an unexpected type is an error, never a silent null,
except that what is no list or sub-document where one was expected reads as one without values.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pymongo.read_concern import ReadConcern

from ecom_platform.errors import UsageError
from ecom_platform.store.client import Document, MongoCollection

with warnings.catch_warnings():
    # A remark about a struct's size that its authors call harmless, once per type and process.
    warnings.filterwarnings("ignore", "pyarrow.lib.* size changed", RuntimeWarning)
    import pymongoarrow.lib  # noqa: F401 - the context loads it otherwise, outside of this block
    from pymongoarrow.context import PyMongoArrowContext
    from pymongoarrow.schema import Schema

BATCH_DOCUMENTS: Final = 10_000
SAMPLES_PER_RANGE: Final = 250


@dataclass(frozen=True, slots=True)
class IdRange:
    """Documents with `low` <= `_id` < `high`, in the order of BSON, which compares ids of every type; None = open."""

    low: Any = None
    high: Any = None


def plan_id_ranges(collection: MongoCollection, query: Mapping[str, Any], count: int) -> list[IdRange]:
    """Up to `count` ranges that hold about as many matching documents each; together they cover every possible `_id`.

    Cut by a random sample of the ids that match, which costs a tenth of sorting them all. Views are not cut, because
    the server cannot read a range of their ids.
    """
    if count <= 1 or _is_view(collection):
        return [IdRange()]
    # As it is now: ranges that cover everything fit every instant, and a count is not answered for a past one.
    collection = collection.with_options(read_concern=ReadConcern())
    rate = min(1.0, count * SAMPLES_PER_RANGE / max(1, collection.estimated_document_count()))
    stages: list[Document] = [
        {"$match": {**query, "$sampleRate": rate}},
        {"$project": {"_id": 1}},
        {"$sort": {"_id": 1}},
    ]
    # Without a filter the index alone answers.
    hint: dict[str, Any] = {} if query else {"hint": {"_id": 1}}
    ids = [row["_id"] for row in collection.aggregate(stages, **hint)]
    cuts = [ids[len(ids) * number // count] for number in range(1, count)] if len(ids) >= count else []
    edges = [None, *cuts, None]
    return [IdRange(low, high) for low, high in pairwise(edges)]


def arrow_batches(
    collection: MongoCollection,
    schema: pa.Schema,
    query: Mapping[str, Any] | None = None,
    *,
    id_column: str = "_id",
    id_range: IdRange | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read the fields of `schema` from the documents that match, a batch of some thousand at a time.

    Args:
        collection: its read concern decides which instant is read.
        schema: fields and types of the batches; nothing else is transferred.
        query: a filter of MongoDB.
        id_column: the column of `schema` that holds `_id`; a string column takes object ids as text.
        id_range: reads only these documents, in the order of `_id`.

    Raises:
        UsageError: the schema has a type that cannot be read.
        TypeError: a document holds a value of another type than the schema says.
    """
    wire = Schema({field.name: _wire_type(field.type, field.name) for field in schema})
    options: dict[str, Any] = {"projection": _projection(schema, id_column), "batch_size": BATCH_DOCUMENTS}
    if id_range and (id_range.low is not None or id_range.high is not None):
        bounds = {"min": id_range.low, "max": id_range.high}
        options |= {name: {"_id": bound} for name, bound in bounds.items() if bound is not None}
        options["hint"] = [("_id", 1)]
    for raw in collection.find_raw_batches(dict(query or {}), **options):
        context = PyMongoArrowContext(wire, codec_options=collection.codec_options)
        context.process_bson_stream(raw)
        table = context.finish()
        if table.num_rows:
            yield _conformed_batch(table, schema)


def _is_view(collection: MongoCollection) -> bool:
    found = list(collection.database.list_collections(filter={"name": collection.name}))
    return bool(found) and found[0]["type"] == "view"


def _projection(schema: pa.Schema, id_column: str) -> Document:
    """Whole fields: for orders, cutting nested fields out cost the server twice what sending them costs."""
    projection: Document = {"_id": 0, **{name: 1 for name in schema.names if name != id_column}}
    if id_column in schema.names:
        as_text = pa.types.is_string(schema.field(id_column).type)
        projection[id_column] = {"$toString": "$_id"} if as_text else 1 if id_column == "_id" else "$_id"
    return projection


def _wire_type(kind: pa.DataType, path: str) -> pa.DataType:
    """The type that values of `kind` are decoded to, before they are conformed."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ms", kind.tz)
    if pa.types.is_struct(kind) and len(kind):
        return pa.struct([(field.name, _wire_type(field.type, f"{path}.{field.name}")) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(_wire_type(kind.value_type, f"{path}[]"))
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    if pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_date32(kind):
        return kind
    raise UsageError(
        f"The column {path} has the type {kind}, which is not read from MongoDB. Use integers, floats, booleans, "
        "strings, timestamps, dates, structs or lists of them."
    )


def _conformed_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    columns = [column.combine_chunks() for column in table.columns]
    arrays = [conformed(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def conformed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The array in another type: fields of structs by name, null where the array lacks them; times in its unit.

    Structs without any value become null, wherever they come from: the decoder of MongoDB cannot tell them apart.
    """
    if pa.types.is_struct(kind):
        children = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
        arrays = [
            conformed(children[field.name], field.type) if field.name in children else pa.nulls(len(array), field.type)
            for field in kind
        ]
        empty = None
        if all(child.null_count for child in arrays):
            empty = reduce(pc.and_, (child.is_null() for child in arrays))
        return pa.StructArray.from_arrays(arrays, fields=list(kind), mask=empty)
    if pa.types.is_list(kind):
        values = conformed(array.values, kind.value_type)
        if not array.null_count:
            return pa.ListArray.from_arrays(array.offsets, values, type=kind)
        # A slice of offsets takes no mask.
        offsets = pa.array(array.offsets.to_numpy())
        return pa.ListArray.from_arrays(offsets, values, type=kind, mask=pa.array(array.is_null().to_numpy(False)))
    return array.cast(kind)
