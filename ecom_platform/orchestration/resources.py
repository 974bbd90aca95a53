"""What assets, ops and sensors get from Dagster: settings, a database, the stream's process, their own priority.

Nothing here connects when it is made, so definitions load without any server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
from pydantic import Field

from ecom_platform.credentials import Role
from ecom_platform.settings import Settings, load_settings
from ecom_platform.store.client import MongoDatabase, open_database
from ecom_platform.streaming.child import Child, ProcessGroup

if TYPE_CHECKING:
    from dagster_pyspark import LazyPySparkResource

# For those that must look again soon: the supervisor, the sensors.
SHORT_SECONDS: Final = 10.0


def _of_run(name: str) -> Any:
    setting = Settings.model_fields[name]
    return Field(default=None, description=f"{setting.description}. Empty: ECOM_{name.upper()}")


class Platform(dg.ConfigurableResource[Settings]):
    """The settings in force where the code runs, and what they point at.

    Each kind of work has one of its own, which logs in to the servers as the role that may do just that. The other
    fields are settings that a single run may want otherwise, given in the launchpad; empty, they are what `ECOM_*`,
    `.env` and `ecom up` say.
    """

    role: str = Role.ORCHESTRATOR.value
    mongodb_database: str | None = _of_run("mongodb_database")
    topic: str | None = _of_run("topic")
    spark_batch_master: str | None = _of_run("spark_batch_master")
    spark_driver_memory: str | None = _of_run("spark_driver_memory")
    archive_older_than: str | None = _of_run("archive_older_than")
    archive_open_after: str | None = _of_run("archive_open_after")

    def settings(self) -> Settings:
        """Read the settings now: a code server outlives `ecom down` and `ecom up`, which change the addresses.

        Raises:
            ConfigurationError: a value cannot be used; the text names it.
        """
        given = {name: value for name, value in self.model_dump(exclude={"role"}).items() if value is not None}
        return load_settings(role=Role(self.role), **given)

    @contextmanager
    def database(self, operation_seconds: float = 300.0) -> Iterator[MongoDatabase]:
        """The platform's database, closed afterwards.

        `operation_seconds` bounds the wait for one answer: a server that is stopped, not dead, would otherwise keep a
        tick or the supervisor for minutes. Raises UnavailableError, ConfigurationError.
        """
        with open_database(self.settings(), operation_seconds=operation_seconds) as db:
            yield db


@dg.resource(
    required_resource_keys={"kpi_platform"},
    config_schema={"spark_config": dg.Field(dict, default_value={}, description="Spark options of this run")},
    description="Spark for batch runs, with the options of the platform; its JVM starts when it is used.",
)
def pyspark(context: dg.InitResourceContext) -> LazyPySparkResource:
    """The session of dagster-pyspark; no run that does not ask for it imports PySpark."""
    from dagster_pyspark import LazyPySparkResource

    from ecom_platform.history.spark_daily import kpi_options

    options = kpi_options(context.resources.kpi_platform.settings())
    return LazyPySparkResource(spark_config={**options, **context.resource_config["spark_config"]})


class Batch(dg.ConfigurableResource[None]):
    """How batch runs behave on a machine that also runs the stream."""

    niceness: int = 10

    def be_nice(self) -> None:
        """Step back behind the stream, once per process; the JVM that this process starts inherits it."""
        missing = self.niceness - os.nice(0)
        if missing > 0:
            os.nice(missing)


class StreamLauncher(dg.ConfigurableResource[None]):
    """Starts the streaming job as a child process that dies with its parent."""

    def start(self, settings: Settings, token: int, *, available_now: bool = False) -> Child:
        """Start the job under a fence token; `available_now` ends it when the backlog is applied."""
        from ecom_platform.streaming.process import StreamCommand, start_stream

        log_file = settings.logs / "stream.log"
        log_file.parent.mkdir(parents=True, exist_ok=True)
        command = StreamCommand(token=token, available_now=available_now)
        return ProcessGroup(start_stream(settings, command, log_file), log_file)
