"""The local Kafka: one KRaft node that is broker and controller."""

from __future__ import annotations

import base64
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ecom_platform.access.kafka_acls import grant_access
from ecom_platform.contract import MAX_BATCH_BYTES
from ecom_platform.credentials import Role, ensure_credentials
from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.kafka.client import FILE_PROVIDER, kafka_failure, python_options
from ecom_platform.local import jvm
from ecom_platform.local.instance import Instance
from ecom_platform.local.programs import Program
from ecom_platform.local.server import Server, accepts, as_admin, run_once
from ecom_platform.runtime.jars import class_path
from ecom_platform.settings import Settings

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

JAVA_OPTIONS = (
    "-Xmx512m",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)

_SILENT = "Kafka at {} does not answer ({}). Run `ecom status` to see what is up, `ecom up` to start the local servers."


def address_of(settings: Settings) -> str:
    """Where ours listens."""
    return f"127.0.0.1:{settings.kafka_port}"


def programs(settings: Settings, instance: Instance) -> list[Program]:
    """The broker; its configuration is written beside, and the passwords it does not have yet."""
    ensure_credentials(instance.credentials, "kafka")
    config = _text(_properties(settings, "data/kafka"))
    (instance.run / "kafka.properties").write_text(config)
    return [Program("kafka", [*java(settings, instance), "kafka.Kafka", "run/kafka.properties"], configuration=config)]


def prepare(settings: Settings, instance: Instance) -> None:
    """Format the log folder once. It appears under its name only when it is complete."""
    folder = instance.data / "kafka"
    if folder.exists():
        return
    incoming = instance.data / "kafka.formatting"
    shutil.rmtree(incoming, ignore_errors=True)
    config = instance.run / "kafka-format.properties"
    config.write_text(_text(_properties(settings, "data/kafka.formatting")))
    tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", _cluster_id(), "-c", f"run/{config.name}"]
    run_once([*java(settings, instance), *tool], instance, "formatting Kafka")
    incoming.rename(folder)


def not_ready(settings: Settings) -> str | None:
    """None once the broker answers a request for metadata."""
    try:
        check(settings, 2.0)
    except UnavailableError as error:
        return str(error)
    return None


def check(settings: Settings, seconds: float) -> None:
    """Raise UnavailableError unless a broker answers a request for metadata within `seconds`."""
    # The admin asks where we have its password: others are known only when they have been told to the broker.
    with _admin(as_admin(settings, "kafka"), seconds) as admin:
        admin.describe_cluster()


def provision(settings: Settings) -> None:
    """Give every role its rights and make the topic. Raises as `ensure_topic`."""
    admin = as_admin(settings, "kafka")
    if admin.role is Role.ADMIN:
        with _admin(admin, 20.0) as client:
            grant_access(admin, client)
    ensure_topic(admin)


def ensure_topic(settings: Settings) -> None:
    """Create the topic of the events unless it exists; one that takes smaller messages than the contract is changed.

    Raises:
        UnavailableError: Kafka does not answer, or refuses.
        ConfigurationError: the topic exists with another clean-up than deletion by age, which would lose events, or
            takes only messages that are too small, and may not be changed.
    """
    from kafka.errors import TopicAlreadyExistsError

    configs = {"cleanup.policy": "delete", "max.message.bytes": str(MAX_BATCH_BYTES)}
    wanted = {"num_partitions": settings.topic_partitions, "configs": configs}
    with _admin(settings, 20.0) as admin:
        try:
            admin.create_topics({settings.topic: wanted}, timeout_ms=15_000, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            _adapt_topic(admin, settings.topic)


def _adapt_topic(admin: KafkaAdminClient, topic: str) -> None:
    """Let a topic that another program made take every message of the contract; raises as `ensure_topic`."""
    from kafka.admin import ConfigResource, ConfigResourceType

    resource = ConfigResource(ConfigResourceType.TOPIC, topic, ["cleanup.policy", "max.message.bytes"])
    described = admin.describe_configs([resource], config_filter="all")
    policy, bytes_ = _value(described, "cleanup.policy"), _value(described, "max.message.bytes")
    if policy is not None and policy != "delete":
        raise ConfigurationError(
            f"Topic {topic} has cleanup.policy={policy}; events with equal keys would be lost. "
            "Set it to delete, or name another topic with ECOM_TOPIC."
        )
    if bytes_ is not None and int(bytes_) < MAX_BATCH_BYTES:
        larger = {"max.message.bytes": str(MAX_BATCH_BYTES)}
        answers = admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, larger)])
        if (refusal := answers["topic"][topic]) != "OK":
            raise ConfigurationError(
                f"Topic {topic} takes messages of at most {bytes_} bytes and would refuse valid orders, and Kafka did "
                f"not let it be changed ({refusal}). Set max.message.bytes={MAX_BATCH_BYTES} for it."
            )


@contextmanager
def _admin(settings: Settings, seconds: float) -> Iterator[KafkaAdminClient]:
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    milliseconds = int(seconds * 1000)
    brokers = settings.kafka_bootstrap_servers.split(",")
    # The client would try until its time is over and leave its sockets open.
    if not any(accepts(*_host_and_port(broker), seconds) for broker in brokers):
        raise UnavailableError(_SILENT.format(settings.kafka_bootstrap_servers, "nothing accepts connections there"))
    try:
        client = KafkaAdminClient(
            **python_options(settings),
            client_id="ecom-platform",
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
        )
        try:
            yield client
        finally:
            client.close()
    except (KafkaError, OSError) as error:
        raise kafka_failure(settings, "does not answer", error) from error


def _host_and_port(broker: str) -> tuple[str, int]:
    host, _, port = broker.strip().rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(
            f"ECOM_KAFKA_BOOTSTRAP_SERVERS names {broker!r}; expected host:port, several with commas between."
        )
    return host.strip("[]"), int(port)


def _properties(settings: Settings, folder: str) -> Mapping[str, object]:
    broker, controller = settings.kafka_port, settings.kafka_controller_port
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"CLIENTS://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        **_access(settings),
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        "log.dirs": folder,
        # A misspelt topic should be an error, not a new topic.
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "log.segment.bytes": 256 * 1024 * 1024,
        "message.max.bytes": MAX_BATCH_BYTES,
        "replica.fetch.max.bytes": MAX_BATCH_BYTES,
    }


def _access(settings: Settings) -> Mapping[str, object]:
    """Who may come in: roles with SCRAM, the admin and the broker itself with the password in the admin's file.

    Kafka reads that file itself, so that the password stands neither here nor on a command line.
    """
    transport = "SASL_PLAINTEXT" if settings.tls is None else "SASL_SSL"
    password = f"${{file:credentials/kafka-{Role.ADMIN}.properties:password}}"
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="{Role.ADMIN}" password="{password}" user_{Role.ADMIN}="{password}";'
    )
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        **FILE_PROVIDER,
        "listener.security.protocol.map": f"CLIENTS:{transport},CONTROLLER:{transport}",
        "sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.clients.plain.sasl.jaas.config": plain,
        "listener.name.clients.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": plain,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{Role.ADMIN}",
        "allow.everyone.if.no.acl.found": "false",
        **(_tls(settings.tls) if settings.tls else {}),
    }


def _tls(folder: Path) -> Mapping[str, object]:
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": folder / "server.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": folder / "ca.pem",
    }


def _text(properties: Mapping[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def java(settings: Settings, instance: Instance) -> list[str]:
    """The command line of its JVM, up to the main class. Raises ConfigurationError: no Java, or no such jars."""
    return jvm.command(settings, instance, "kafka", class_path("kafka", settings.jar_cache), JAVA_OPTIONS)


def _cluster_id() -> str:
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):  # the tool would read it as an option
            return text


def _value(described: object, name: str) -> str | None:
    """The value of one configuration in what the client answers: nested dictionaries, by resource, then by name."""
    if isinstance(described, dict):
        if name in described:
            found = described[name]
            return found.get("value") if isinstance(found, dict) else str(found)
        values = list(described.values())
    else:
        values = list(described) if isinstance(described, list | tuple) else []
    return next((value for item in values if (value := _value(item, name)) is not None), None)


KAFKA = Server(
    key="kafka",
    title="Kafka",
    address="kafka_bootstrap_servers",
    ports=("kafka_port", "kafka_controller_port"),
    address_of=address_of,
    program_names=("kafka",),
    programs=programs,
    prepare=prepare,
    not_ready=not_ready,
    check=check,
    provision=provision,
    credentials="kafka_credentials",
)
