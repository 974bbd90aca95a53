"""The dimensions of the default shop, loaded into MongoDB."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

from collections.abc import Iterator
from typing import Any, Final

import dagster as dg

from ecom_platform.orchestration.code_version import DIMENSIONS_CODE, code_version
from ecom_platform.orchestration.names import OWNER
from ecom_platform.orchestration.resources import Platform
from ecom_platform.orchestration.tables import DIMENSIONS, dimension_key, table_metadata
from ecom_platform.store.client import mongo_errors
from ecom_platform.store.dimensions import load_dimensions
from ecom_platform.store.schema import ensure_schema

_TEXTS: Final = {
    "users": "**Grain:** one customer. **Consumer:** the stream writes the city into the order.",
    "products": "**Grain:** one product. **Consumer:** the stream writes the category into the order's items.",
    "warehouses": "**Grain:** one warehouse. **Consumer:** the stream and the dashboard's filter.",
    "couriers": "**Grain:** one courier. **Consumer:** the stream and the dashboard's delivery figures.",
    "inventory": "**Grain:** one product in one warehouse at the start. **Consumer:** stock figures.",
}
_DEPS: Final = {"couriers": ["warehouses"], "inventory": ["warehouses", "products"]}


def _spec(name: str) -> dg.AssetSpec:
    common = (
        "\n\n**Source:** the seeded default shop. **When it fails:** orders are kept and counted under `unknown`; "
        "nothing is lost. Materialize again: it only writes rows that differ, and the stream reloads on a change."
    )
    return dg.AssetSpec(
        dimension_key(name),
        group_name="dimensions",
        kinds={"mongodb", "python"},
        owners=[OWNER],
        deps=[dimension_key(upstream) for upstream in _DEPS.get(name, [])],
        description=_TEXTS[name] + common,
        metadata=table_metadata(name),
        code_version=code_version(DIMENSIONS_CODE),
    )


@dg.multi_asset(name="dimensions", specs=[_spec(name) for name in DIMENSIONS])
def dimensions(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult[Any]]:
    """Load users, products, warehouses, couriers and inventory of the default shop; safe to repeat."""
    from ecom_platform.simulator.dimensions import default_shop

    with platform.database() as db:
        ensure_schema(db)
        changed = load_dimensions(db, default_shop())
        context.log.info("%d rows changed.", changed)
        with mongo_errors("counting the dimensions"):
            rows = {name: db[name].count_documents({}) for name in DIMENSIONS}
    for name in DIMENSIONS:
        yield dg.MaterializeResult(
            asset_key=dimension_key(name), metadata={"dagster/row_count": dg.MetadataValue.int(rows[name])}
        )
