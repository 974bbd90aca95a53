"""The Compose file as tests look at it: parsed, with the defaults of its variables filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
FILE: Final = ROOT / "docker-compose.yml"
OWN_IMAGE: Final = "ecom-platform"

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def compose() -> dict[str, Any]:
    """The whole file."""
    text = _VARIABLE.sub(lambda found: found[2] or "", FILE.read_text(encoding="utf-8"))
    return dict(yaml.safe_load(text))


def services() -> dict[str, dict[str, Any]]:
    """The services by name."""
    return dict(compose()["services"])


def own_services() -> dict[str, dict[str, Any]]:
    """Those that run the platform's own image."""
    return {name: one for name, one in services().items() if one["image"].startswith(f"{OWN_IMAGE}:")}


def commands() -> Iterator[tuple[str, list[str]]]:
    """What runs in the platform's own image, by service; the wrapper for the password is left out."""
    for name, service in own_services().items():
        words = [*service.get("entrypoint", []), *service["command"]]
        yield name, words[1:] if words[0] == "docker/with-postgres.sh" else words


def is_one_shot(service: Mapping[str, Any]) -> bool:
    """Whether it is meant to end."""
    return str(service.get("restart")) == "no"


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a service."""
    return {name: str(value) for name, value in (service.get("environment") or {}).items()}


def sources(entries: list[Any]) -> list[str]:
    """The names of the secrets, configs or volumes that a service uses, whichever way they are written."""
    return [entry["source"] if isinstance(entry, dict) else entry.split(":")[0] for entry in entries]
