"""How clients of Kafka are told who they are: one place for kafka-python, another form for Java's clients in Spark."""

from __future__ import annotations

import logging
from typing import Any

from ecom_platform.credentials import Role, credential_file
from ecom_platform.errors import ConfigurationError, EcomError, UnavailableError
from ecom_platform.settings import Settings, credential_of

# It warns at every login without TLS; whether that is allowed, the settings have decided.
logging.getLogger("kafka.net.sasl").setLevel(logging.ERROR)

_SCRAM = "SCRAM-SHA-256"
_SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


def python_options(settings: Settings) -> dict[str, Any]:
    """What every client of kafka-python gets: addresses, login, TLS.

    Raises:
        ConfigurationError: the credential of the role cannot be read.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers.split(","),
        "security_protocol": _protocol(settings),
    }
    if settings.tls is not None:
        options["ssl_cafile"] = str(settings.tls / "ca.pem")
    if settings.kafka_credentials is not None:
        credential = credential_of(settings, "kafka", settings.role)
        options |= {
            # The admin is known before the broker stores any user: only its own configuration has this password.
            "sasl_mechanism": "PLAIN" if settings.role is Role.ADMIN else _SCRAM,
            "sasl_plain_username": credential.username,
            "sasl_plain_password": credential.password,
        }
    return options


def java_options(settings: Settings) -> dict[str, str]:
    """The same for Java's client; the password stays in its file, which the client reads itself.

    So it can stand in no plan, log or web page of Spark.
    """
    options = {"bootstrap.servers": settings.kafka_bootstrap_servers, "security.protocol": _protocol(settings)}
    if settings.tls is not None:
        options |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(settings.tls / "ca.pem")}
    if settings.kafka_credentials is not None:
        file = credential_file(settings.kafka_credentials, "kafka", settings.role)
        options |= {
            **FILE_PROVIDER,
            "sasl.mechanism": _SCRAM,
            "sasl.jaas.config": (
                f'{_SCRAM_MODULE} required username="${{file:{file}:username}}" password="${{file:{file}:password}}";'
            ),
        }
    return options


FILE_PROVIDER = {
    "config.providers": "file",
    "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
}
"""Lets a configuration of Kafka say `${file:path:key}`."""


def kafka_failure(settings: Settings, what: str, error: Exception) -> EcomError:
    """Ours for an error of kafka-python: a right that is missing needs a person, anything else may work later.

    Args:
        what: what Kafka did not do, as it reads after its address: "does not answer while connecting".
    """
    from kafka.errors import AuthorizationError

    where = f"Kafka at {settings.kafka_bootstrap_servers}"
    if isinstance(error, AuthorizationError) or "AuthorizationFailed" in str(error):
        return ConfigurationError(
            f"{where} does not allow this to the role {settings.role}: it {what} ({type(error).__name__}). Use a role "
            "that may (ECOM_ROLE); `ecom up` gives each role its rights again."
        )
    # The client tries until its time is over, and then does not say that a password was refused.
    login = f", or it refuses the login of {settings.role}" if settings.kafka_credentials is not None else ""
    return UnavailableError(
        f"{where} {what} ({type(error).__name__}: {str(error)[:200]}{login}). Run `ecom status` to see what is up, "
        "`ecom up` to start the local servers and tell them every password again."
    )


def _protocol(settings: Settings) -> str:
    transport = "PLAINTEXT" if settings.tls is None else "SSL"
    return f"SASL_{transport}" if settings.kafka_credentials is not None else transport
