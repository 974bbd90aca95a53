"""The columns of an order as a table: one row per order, items and delivery nested. Hot and cold data share it.

Version 1. Changes are additive: a new column at the end of its struct, null where a file does not have it.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

_TIME: Final = pa.timestamp("us", "UTC")

_LINE: Final = pa.struct(
    [
        ("order_item_id", pa.string()),
        ("product_id", pa.int64()),
        ("quantity", pa.int64()),
        ("price_cents", pa.int64()),
        ("net_cents", pa.int64()),
        ("category", pa.string()),
    ]
)
_STEP: Final = pa.struct([("status", pa.string()), ("at", _TIME), ("extra", pa.string())])
_DELIVERY: Final = pa.struct(
    [
        ("delivery_id", pa.int64()),
        ("courier_id", pa.int64()),
        ("courier_name", pa.string()),
        ("status", pa.string()),
        ("expected_time", _TIME),
        ("actual_time", _TIME),
        ("history", pa.list_(_STEP)),
    ]
)

ORDER_SCHEMA: Final = pa.schema(
    [
        ("order_id", pa.int64()),  # `_id` in MongoDB
        ("user_id", pa.int64()),
        ("warehouse_id", pa.int64()),
        ("order_time", _TIME),
        ("order_date", pa.string()),  # in the archive the partition, `order_date=YYYY-MM-DD`, not a column of a file
        ("quantity", pa.int64()),
        ("subtotal_cents", pa.int64()),
        ("discount_cents", pa.int64()),
        ("total_cents", pa.int64()),
        ("payment_type", pa.string()),
        ("user_city", pa.string()),
        ("warehouse_name", pa.string()),
        ("order_items", pa.list_(_LINE)),
        ("delivery", _DELIVERY),
        ("src", pa.struct([("partition", pa.int32()), ("offset", pa.int64())])),
        ("version", pa.int32()),
        ("extra", pa.string()),
    ]
)
