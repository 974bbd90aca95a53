"""Downloads trust what the system trusts; a certificate that is not trusted is called that."""

from __future__ import annotations

import hashlib
import http.server
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from jgo.maven import MavenContext

from ecom_platform.errors import UnavailableError
from ecom_platform.runtime import jars, trust

JAR = b"the bytes of a jar"
INSTALLERS = {
    "uv": [Path(sys.executable).with_name("uv"), "pip", "install", "--no-cache", "--dry-run", "--index-url"],
    "pip": [sys.executable, "-m", "pip", "download", "--no-cache-dir", "--retries", "0", "--index-url"],
}
ABOUT_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "PIP_FIND_LINKS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Registry:
    """A registry with one jar, and the file with the authority that signed its certificate."""

    address: str
    authority: Path


class OneJar(http.server.BaseHTTPRequestHandler):
    """Every jar is the same; nothing else is there."""

    def do_GET(self) -> None:
        """Answer."""
        found = self.path.endswith(".jar")
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(JAR if found else b"")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Its authority is in no program's list: as that of a company's proxy."""
    authority = trustme.CA()
    file = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneJar) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Registry(f"https://localhost:{server.server_port}", file)
        server.shutdown()


@pytest.fixture
def locked(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of one jar, and a cache without it."""
    monkeypatch.setattr(jars, "LOCKS", tmp_path)
    monkeypatch.setitem(jars.CLASS_PATHS, "made-up", jars.ClassPath(()))
    repositories = {"own": registry.address}
    monkeypatch.setattr(jars, "_context", lambda folder: MavenContext(repo_cache=folder, remote_repos=repositories))
    (tmp_path / "made-up.lock").write_text(f"org.a:b:1 {hashlib.sha256(JAR).hexdigest()}\n")
    for name in ABOUT_TRUST:
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def test_jars_come_from_a_server_that_the_system_trusts(
    registry: Registry, locked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list inside the package that jgo asks by itself does not know it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(registry.authority))

    assert jars.fetch(["made-up"], locked) == 1
    assert (locked / "org/a/b/1/b-1.jar").read_bytes() == JAR


def test_a_jar_from_an_unknown_server_is_a_matter_of_certificates(locked: Path) -> None:
    """Waiting for the network would not help."""
    with pytest.raises(UnavailableError, match=r"org\.a:b:1 .*certificate of the server was not trusted") as caught:
        jars.fetch(["made-up"], locked)

    assert "network is back" not in str(caught.value)


@pytest.mark.parametrize("installer", INSTALLERS)
def test_an_installer_trusts_the_system_and_says_when_it_does_not(
    registry: Registry, installer: str, tmp_path: Path
) -> None:
    """With the authority it asks the registry, which has nothing; without, the advice is about the certificate."""
    clean = {name: value for name, value in os.environ.items() if name not in ABOUT_TRUST}
    command = [
        sys.executable,
        "-m",
        "ecom_platform.runtime.trust",
        *INSTALLERS[installer],
        registry.address,
        "nothing-there",
    ]

    def said(**more: str) -> str:
        variables = {**clean, "PIP_CONFIG_FILE": os.devnull, "VIRTUAL_ENV": sys.prefix, **more}
        done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode not in (0, None)
        return done.stderr

    assert trust.UNTRUSTED in said()
    trusted = said(SSL_CERT_FILE=str(registry.authority))
    assert trust.UNTRUSTED not in trusted
    assert "not found" in trusted or "No matching distribution" in trusted


def test_what_a_person_has_set_stays() -> None:
    """Somebody who names authorities has a reason."""
    own = {"PIP_CERT": "/own", "NODE_EXTRA_CA_CERTS": "/own", "UV_NATIVE_TLS": "false"}

    assert trust.installer_variables(own, "/etc/all", (23, 0), pip_is_told=False) == {}
    assert "PIP_CERT" not in trust.installer_variables({}, "/etc/all", (23, 0), pip_is_told=True)


def test_an_old_pip_is_told_and_a_new_one_asks_the_system_itself() -> None:
    """From 24.2 on it does so, unless a file is named."""
    old, new = (trust.installer_variables({}, "/etc/all", version, pip_is_told=False) for version in ((24, 1), (24, 2)))

    assert (old.get("PIP_CERT"), new.get("PIP_CERT")) == ("/etc/all", None)


def test_the_named_file_of_authorities_goes_before_those_of_systems(tmp_path: Path) -> None:
    """And of those, the first that is there."""
    there = tmp_path / "there.pem"
    there.touch()

    assert trust.authorities_file({"SSL_CERT_FILE": "/named"}) == "/named"
    found = trust.authorities_file({}, [str(tmp_path / "missing.pem"), str(there)])
    assert found in (ssl.get_default_verify_paths().cafile, str(there))


@pytest.mark.parametrize(
    ("complaint", "about_it"),
    [
        ("invalid peer certificate: UnknownIssuer", True),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", True),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", True),
        ("Name or service not known", False),
        ("error: package certifi==2026.1 was not found", False),
    ],
)
def test_a_complaint_about_a_certificate_is_recognized(complaint: str, about_it: bool) -> None:
    """As uv, pip and npm word it."""
    assert trust.is_about_a_certificate(complaint) is about_it
