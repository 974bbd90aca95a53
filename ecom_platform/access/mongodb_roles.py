"""What each role may do in MongoDB, and how the server is told. What is not allowed here is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo import MongoClient

from ecom_platform.credentials import Credential, Role
from ecom_platform.settings import Settings, credential_of
from ecom_platform.store import collections as names

READ: Final = ("find",)
ADD: Final = ("find", "insert")
SAY: Final = ("insert", "update")
WRITE: Final = ("find", "insert", "update")
OWN: Final = ("find", "insert", "update", "remove")
SIZE: Final = ("collStats",)
SCHEMA: Final = ("listCollections", "listIndexes", "createCollection", "createIndex", "collMod", "collStats", "dbStats")
LOOK: Final = ("listCollections",)
EVERYTHING: Final = ""
"""The name by which MongoDB means all collections of a database, and all databases."""

ALREADY_EXISTS: Final = 51003, 51002

Actions = Sequence[str]


@dataclass(frozen=True)
class Rule:
    """Actions that are allowed, by collection; `database` are those on all of them and on their list."""

    collections: Mapping[str, Actions] = field(default_factory=dict)
    database: Actions = ()


def _each(actions: Actions, collections: Iterable[str]) -> dict[str, Actions]:
    return dict.fromkeys(collections, actions)


_ARCHIVE = (names.ARCHIVE_STATE, names.ARCHIVE_MANIFESTS, names.ARCHIVED_IDS, names.ORDERS_ARCHIVE_SUMMARY)

RULES: Final[Mapping[Role, Rule]] = {
    Role.OPERATOR: Rule(database=(*OWN, *SCHEMA)),
    Role.SIMULATOR: Rule(_each(SAY, (names.LOADING,))),
    Role.STREAM: Rule(
        _each(READ, (*names.DIMENSIONS, names.DIMENSION_VERSION, names.LEASES, *_ARCHIVE))
        | _each(WRITE, (names.ORDERS, names.STOCK_RECEIPTS, names.DEAD_LETTERS, names.LATE_EVENTS, *names.ROLLUPS))
        | _each(WRITE, (names.STREAM_OFFSETS, names.STREAM_SESSIONS, names.PROGRESS, names.DIRTY_DAYS))
    ),
    Role.ARCHIVER: Rule(
        _each(READ, (*names.DIMENSIONS, names.DIMENSION_VERSION, names.STOCK_RECEIPTS, names.STREAM_SESSIONS))
        | _each(WRITE, (names.DEAD_LETTERS, names.STREAM_OFFSETS, names.DIRTY_DAYS, names.PROGRESS, *names.ROLLUPS))
        | _each(OWN, (names.LATE_EVENTS, names.LEASES, *_ARCHIVE))
        | {names.ORDERS: (*OWN, *SIZE)},
        database=LOOK,
    ),
    Role.KPI: Rule(
        _each(READ, (names.ORDERS, names.LATE_EVENTS, names.STREAM_OFFSETS, *names.DIMENSIONS, *_ARCHIVE))
        | _each(READ, (*names.ROLLUPS, names.DIMENSION_VERSION))
        | _each(OWN, (names.KPI_DAILY, names.DIRTY_DAYS)),
        database=LOOK,
    ),
    Role.ORCHESTRATOR: Rule(
        _each(WRITE, (*names.DIMENSIONS, names.DIMENSION_VERSION, names.ALERTS, names.INTENT))
        | _each(OWN, (names.LEASES, names.PIPELINE_STATUS)),
        database=(*READ, *SCHEMA),
    ),
    Role.DASHBOARD: Rule(
        _each(READ, (*names.ROLLUPS, names.ALERTS, names.PIPELINE_STATUS, names.PROGRESS, names.STREAM_OFFSETS))
        | _each(READ, (names.LOADING,))
        | _each(READ, (names.DEAD_LETTERS, names.LATE_EVENTS, names.KPI_DAILY, *_ARCHIVE))
        | _each(READ, (names.PRODUCTS, names.WAREHOUSES, names.COURIERS, names.INVENTORY))
        | {names.ORDERS: (*READ, *SIZE), names.ALERT_ACKNOWLEDGEMENTS: ADD}
    ),
    Role.ANALYST: Rule(
        _each(READ, (names.ORDERS, *names.VIEWS, *names.DIMENSIONS, *names.ROLLUPS))
        | _each(READ, (names.KPI_DAILY, names.ORDERS_ARCHIVE_SUMMARY)),
        database=LOOK,
    ),
}


def make_admin(client: MongoClient[dict[str, Any]], credential: Credential) -> None:
    """Make the first user. The server allows it once, to a client on the same machine."""
    client.admin.command(
        "createUser",
        credential.username,
        pwd=credential.password,
        roles=[{"role": "root", "db": "admin"}],
        mechanisms=["SCRAM-SHA-256"],
    )


def grant_access(settings: Settings, client: MongoClient[dict[str, Any]], database: str) -> None:
    """Give every role its password and what it may do; safe to repeat, and how a changed password is made known.

    Args:
        settings: name the credentials.
        client: connected as the admin.
        database: whose collections the rules are about; `EVERYTHING` for those of all databases.

    Raises:
        ConfigurationError: a credential cannot be read.
    """
    for role, rule in RULES.items():
        user = credential_of(settings, "mongodb", role)
        name = f"ecom-{role}"
        _create_or_update(client, "Role", name, privileges=_privileges(rule, database), roles=[])
        _create_or_update(
            client,
            "User",
            user.username,
            pwd=user.password,
            roles=[{"role": name, "db": "admin"}],
            mechanisms=["SCRAM-SHA-256"],
        )


def _privileges(rule: Rule, database: str) -> list[dict[str, Any]]:
    on = {EVERYTHING: rule.database} if rule.database else {}
    return [
        {"resource": {"db": database, "collection": collection}, "actions": list(actions)}
        for collection, actions in {**on, **rule.collections}.items()
    ]


def _create_or_update(client: MongoClient[dict[str, Any]], kind: str, name: str, **values: Any) -> None:
    from pymongo.errors import OperationFailure

    try:
        client.admin.command(f"create{kind}", name, **values)
    except OperationFailure as error:
        if error.code not in ALREADY_EXISTS:
            raise
        client.admin.command(f"update{kind}", name, **values)
