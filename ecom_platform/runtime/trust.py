"""Downloads trust the certificates that the system trusts, as on a laptop whose company looks into encrypted traffic.

Each installer has a list of its own otherwise, and the company's authority is in none of them. Standard library only,
because `make setup` installs through it:

    python -m ecom_platform.runtime.trust COMMAND…     run an installer; when it fails, show what it said, and what to
                                                       do if a certificate was the trouble
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

UNTRUSTED = (
    "The certificate of the server was not trusted; the network itself is up. If your company looks into encrypted "
    "traffic, add its authority to those of this system (Debian, Ubuntu: a .crt in /usr/local/share/ca-certificates, "
    "then update-ca-certificates), or name a file with all authorities in SSL_CERT_FILE. Then run the command again."
)
FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/tls/cert.pem",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
PIP_ASKS_THE_SYSTEM = (24, 2)
_CERTIFICATE = re.compile(r"certificate|\bCERT_|_CERT_", re.IGNORECASE)


def authorities_file(environment: Mapping[str, str], candidates: Sequence[str] = FILES) -> str | None:
    """The file of the authorities that the system trusts: the one that is named, else where systems keep it."""
    named = environment.get("SSL_CERT_FILE")
    if named:
        return named
    known = (ssl.get_default_verify_paths().cafile, *candidates)
    return next((file for file in known if file and Path(file).is_file()), None)


def installer_variables(
    environment: Mapping[str, str], authorities: str | None, pip_version: Sequence[int], *, pip_is_told: bool
) -> dict[str, str]:
    """What makes uv, pip and npm trust the system's authorities; what a person has set stays.

    Args:
        pip_is_told: a file of authorities is in pip's own configuration.
    """
    wanted = {"UV_NATIVE_TLS": "true"}
    if authorities is not None:
        wanted["NODE_EXTRA_CA_CERTS"] = authorities
        if tuple(pip_version) < PIP_ASKS_THE_SYSTEM and not pip_is_told:
            wanted["PIP_CERT"] = authorities
    return {name: value for name, value in wanted.items() if not environment.get(name)}


def is_about_a_certificate(text: str) -> bool:
    """Whether a complaint of pip, uv, npm or requests is about a certificate."""
    return _CERTIFICATE.search(text) is not None


@contextmanager
def system_trust() -> Iterator[None]:
    """Let the connections that this process opens meanwhile trust what the system trusts."""
    import truststore

    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def run(command: Sequence[str]) -> int:
    """Run an installer that trusts the system's authorities; its exit code. What it says is shown when it fails."""
    variables = installer_variables(
        os.environ, authorities_file(os.environ), _pip_version(), pip_is_told=_pip_is_told(command)
    )
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout, end="", file=sys.stderr)
        if is_about_a_certificate(done.stdout):
            print(UNTRUSTED, file=sys.stderr)
    return done.returncode


def _pip_version() -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in re.findall(r"\d+", version("pip"))[:2])
    except PackageNotFoundError:
        return PIP_ASKS_THE_SYSTEM  # then no pip will be run


def _pip_is_told(command: Sequence[str]) -> bool:
    """Whether pip's configuration names a file of authorities; asked only when pip is what is run."""
    if list(command[1:3]) != ["-m", "pip"]:
        return False
    answer = subprocess.run([*command[:3], "config", "list"], capture_output=True, text=True, check=False)
    return re.search(r"^\w+\.cert=", answer.stdout, re.MULTILINE) is not None


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
