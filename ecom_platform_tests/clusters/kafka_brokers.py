"""Three Kafka brokers that are controllers as well; every partition has three copies, two of which must confirm."""

from __future__ import annotations

import base64
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, TopicPartition

from ecom_platform.runtime.jars import class_path
from ecom_platform.runtime.java import find_java
from ecom_platform_tests.clusters.programs import Programs, listens
from ecom_platform_tests.programs import free_ports

COUNT = 3


class KafkaBrokers:
    """The cluster; brokers are numbered from 1."""

    def __init__(self, folder: Path) -> None:
        self.programs = Programs(folder)
        self._ports = free_ports(COUNT)
        self._controllers = free_ports(COUNT)
        self._java = [find_java().program, "-Xmx384m", "-cp", ":".join(map(str, class_path("kafka")))]
        self._cluster_id = base64.urlsafe_b64encode(uuid.UUID(int=uuid.uuid4().int >> 4).bytes).decode().rstrip("=")

    @property
    def bootstrap_servers(self) -> str:
        """All of them, with commas between."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports)

    def start(self) -> None:
        """Format and start all brokers, and wait until they answer."""
        for number in range(1, COUNT + 1):
            file = self.programs.folder / f"broker-{number}.properties"
            file.write_text("".join(f"{name}={value}\n" for name, value in self._properties(number).items()))
            tool = ["kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", str(file)]
            self.programs.run(f"format {number}", [*self._java, *tool])
            self.programs.start(f"broker-{number}", [*self._java, "kafka.Kafka", str(file)])
        self.await_up()

    def await_up(self) -> float:
        """Wait until every broker listens; the seconds that took."""
        return self.programs.await_ready("every broker listens", lambda: all(map(listens, self._ports)))

    def move(self, topic: str, brokers: list[int]) -> None:
        """Let these brokers alone hold every partition, and wait until they do."""
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)) as admin:
            places = [TopicPartition(topic, part["partition_index"]) for part in self._partitions(admin, topic)]
            refused = admin.alter_partition_reassignments(dict.fromkeys(places, brokers))
            assert set(refused.values()) <= {None}, refused

            def moved() -> bool:
                return all(sorted(part["isr_nodes"]) == brokers for part in self._partitions(admin, topic))

            self.programs.await_ready("partitions are moved", moved)

    def add_partitions(self, topic: str, count: int) -> None:
        """Let the topic have `count` partitions."""
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)) as admin:
            admin.create_partitions({topic: count})

    @staticmethod
    def _partitions(admin: KafkaAdminClient, topic: str) -> list[dict[str, Any]]:
        [described] = admin.describe_topics([topic])
        return list(described["partitions"])

    def _properties(self, number: int) -> dict[str, object]:
        voters = ",".join(f"{place}@127.0.0.1:{port}" for place, port in enumerate(self._controllers, 1))
        listeners = (
            f"CLIENTS://127.0.0.1:{self._ports[number - 1]},CONTROLLER://127.0.0.1:{self._controllers[number - 1]}"
        )
        return {
            "process.roles": "broker,controller",
            "node.id": number,
            "listeners": listeners,
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "CLIENTS",
            "controller.quorum.voters": voters,
            "log.dirs": self.programs.folder / f"broker-{number}",
            "auto.create.topics.enable": "false",
            "default.replication.factor": COUNT,
            "min.insync.replicas": COUNT - 1,
            "offsets.topic.replication.factor": COUNT,
            "transaction.state.log.replication.factor": COUNT,
            "transaction.state.log.min.isr": COUNT - 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.num.partitions": 4,
            "broker.session.timeout.ms": 6_000,
            "replica.lag.time.max.ms": 10_000,
            "message.max.bytes": 64_000_000,
            "replica.fetch.max.bytes": 64_000_000,
        }
