"""What assets, ops and sensors get from Dagster: the settings, and a database.

Nothing here connects when it is made, so definitions load without any server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg

from ecom_platform.credentials import Role
from ecom_platform.settings import Settings, load_settings
from ecom_platform.store.client import MongoDatabase, open_database

# For whoever must look again soon: the supervisor, the sensors.
SHORT_SECONDS: Final = 10.0


class Platform(dg.ConfigurableResource[Settings]):
    """The settings in force where the code runs, and what they point at.

    Each kind of work has one of its own, which logs in to the servers as the role that may do just that.
    """

    role: str = Role.ORCHESTRATOR.value

    def settings(self) -> Settings:
        """Read the settings now: a code server outlives `ecom down` and `ecom up`, which change the addresses."""
        return load_settings(role=Role(self.role))

    @contextmanager
    def database(self, operation_seconds: float = 300.0) -> Iterator[MongoDatabase]:
        """The platform's database, closed afterwards.

        `operation_seconds` bounds the wait for one answer: a server that is stopped, not dead, would otherwise keep a
        tick or the supervisor for minutes. Raises UnavailableError, ConfigurationError.
        """
        with open_database(self.settings(), operation_seconds=operation_seconds) as db:
            yield db
