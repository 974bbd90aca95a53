"""Look for passwords where none may be: in files, in command lines, in the environment of processes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import psutil

from ecom_platform.credentials import ROLES_OF, credential_file, read_credential


def passwords(folder: Path) -> list[str]:
    """Every password in a folder of credentials, and the key of the replica set."""
    found = [
        read_credential(folder, server, role).password
        for server, roles in ROLES_OF.items()
        for role in roles
        if credential_file(folder, server, role).exists()
    ]
    key = folder / "mongodb-keyfile"
    return [*found, *([key.read_text().strip()] if key.exists() else [])]


def files_with_passwords(folder: Path, roots: Iterable[Path]) -> list[str]:
    """The files below `roots` that hold one, also in the middle of binary data; the credentials' own are left out."""
    secrets = passwords(folder)
    assert secrets, f"there are no credentials in {folder}"
    found = subprocess.run(
        ["grep", "--recursive", "--files-with-matches", "--text", "--fixed-strings", "--no-messages", "--file=-"]
        + [str(root) for root in roots],
        input="\n".join(secrets),
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    return [file for file in found.stdout.splitlines() if not file.startswith(f"{folder}/")]


def processes_with_passwords(folder: Path, processes: Iterable[psutil.Process]) -> list[str]:
    """The processes that show one to whoever lists them, or hand one on to their children."""
    secrets = passwords(folder)
    assert secrets, f"there are no credentials in {folder}"
    found = []
    for process in processes:
        try:
            said = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue  # it has ended
        if any(secret in text for text in said for secret in secrets):
            found.append(process.name())
    return found
