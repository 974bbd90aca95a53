"""What each role may do in Kafka, and how the broker is told. What is not allowed here is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ecom_platform.credentials import ROLES_OF, Role
from ecom_platform.errors import UnavailableError
from ecom_platform.settings import Settings, credential_of

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

Operation = Literal["READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"]

# Passwords are random, so that many rounds would only make every connection slower; the broker takes no fewer.
SCRAM_ROUNDS: Final = 4096
SPARK_GROUPS: Final = "spark-kafka-source"
"""How the names of the groups begin that Spark's Kafka source makes up."""


@dataclass(frozen=True)
class Rule:
    """Operations that are allowed on the topic of the events, on the stream's group, on groups of Spark, and on those
    transactional ids that begin with the name of the role.
    """

    topic: Sequence[Operation] = ()
    group: Sequence[Operation] = ()
    spark_groups: Sequence[Operation] = ()
    transactions: Sequence[Operation] = ()


RULES: Final[Mapping[Role, Rule]] = {
    Role.OPERATOR: Rule(topic=("READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"), group=("READ", "DESCRIBE")),
    # It holds history back while the stream is far behind, and so looks at its group.
    Role.SIMULATOR: Rule(topic=("WRITE", "DESCRIBE"), group=("DESCRIBE",)),
    # It must not read a topic that is being compacted, and so looks at its configuration.
    Role.STREAM: Rule(
        topic=("READ", "DESCRIBE", "DESCRIBE_CONFIGS"), group=("READ", "DESCRIBE"), spark_groups=("READ", "DESCRIBE")
    ),
    Role.ORCHESTRATOR: Rule(topic=("DESCRIBE", "DESCRIBE_CONFIGS"), group=("DESCRIBE",)),
    Role.PRODUCER: Rule(topic=("WRITE", "DESCRIBE"), transactions=("WRITE", "DESCRIBE")),
}


def grant_access(settings: Settings, admin: KafkaAdminClient) -> None:
    """Give every role its password and what it may do; safe to repeat, and how a changed password is made known.

    Args:
        settings: name the topic and the group; `*` allows all of them.
        admin: connected as the admin.

    Raises:
        ConfigurationError: a credential cannot be read.
        UnavailableError: the broker refused.
    """
    from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

    users = []
    for role in ROLES_OF["kafka"]:
        if role is not Role.ADMIN:
            one = credential_of(settings, "kafka", role)
            users.append(
                UserScramCredentialUpsertion(
                    one.username, ScramMechanism.SCRAM_SHA_256, one.password, iterations=SCRAM_ROUNDS
                )
            )
    refused = {user: problem for user, problem in admin.alter_user_scram_credentials(users).items() if problem}
    refused |= {str(acl): "refused" for acl, _ in admin.create_acls(list(_acls(settings)))["failed"]}
    if refused:
        raise UnavailableError(f"Kafka did not take the access rules ({refused}). Run `ecom up` again.")


def _acls(settings: Settings) -> Iterator[Any]:
    from kafka.admin import ACLResourcePatternType, ResourceType

    literal, prefixed = ACLResourcePatternType.LITERAL, ACLResourcePatternType.PREFIXED
    for role, rule in RULES.items():
        user = credential_of(settings, "kafka", role).username
        yield from _allow(user, rule.topic, ResourceType.TOPIC, settings.topic, literal)
        yield from _allow(user, rule.group, ResourceType.GROUP, settings.consumer_group, literal)
        yield from _allow(user, rule.spark_groups, ResourceType.GROUP, SPARK_GROUPS, prefixed)
        yield from _allow(user, rule.transactions, ResourceType.TRANSACTIONAL_ID, str(role), prefixed)


def _allow(user: str, operations: Sequence[Operation], kind: Any, name: str, pattern: Any) -> Iterator[Any]:
    from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern

    for operation in operations:
        resource = ResourcePattern(kind, name, pattern)
        yield ACL(f"User:{user}", "*", ACLOperation[operation], ACLPermissionType.ALLOW, resource)
