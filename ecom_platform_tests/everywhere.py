"""Rights in every database, topic and group of an instance: for tests and benchmarks, which make one after another."""

from __future__ import annotations

from kafka import KafkaAdminClient

from ecom_platform.access import kafka_acls, mongodb_roles
from ecom_platform.kafka.client import python_options
from ecom_platform.local.server import as_admin
from ecom_platform.settings import Settings
from ecom_platform.store import connect


def grant_everywhere(settings: Settings) -> None:
    """Allow each role everywhere what `ecom up` allowed it in one database, topic and group.

    The next `ecom up` takes it back in MongoDB; rules of Kafka stay until somebody removes them.

    Raises:
        ConfigurationError: the instance is not ours: its admin's credentials are not at hand.
        UnavailableError: a server does not answer.
    """
    with connect(as_admin(settings, "mongodb")) as client:
        mongodb_roles.grant_access(settings, client, mongodb_roles.EVERYTHING)
    admin = as_admin(settings, "kafka").model_copy(update={"topic": "*", "consumer_group": "*"})
    kafka = KafkaAdminClient(**python_options(admin))
    try:
        kafka_acls.grant_access(admin, kafka)
    finally:
        kafka.close()
