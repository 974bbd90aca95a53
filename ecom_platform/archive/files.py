"""The archive's files in HDFS: read, list, put in place, remove. Paths are absolute unless they are a manifest's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from typing import Final

from hdfs_native import Client, WriteOptions

from ecom_platform.archive.hdfs import connect_hdfs, demand_name_node, hdfs_errors, patiently
from ecom_platform.archive.layout import MANIFESTS, ROOT, STAGING
from ecom_platform.errors import UnavailableError
from ecom_platform.settings import Settings
from ecom_platform.store.manifests import ArchivedFile

_PUBLISHED: Final = re.compile(r"part-(?P<run>.+)-(?P<token>\d+)-\d{5,}\.snappy\.parquet")
_STAGED: Final = re.compile(r"(?P<run>.+)-(?P<token>\d+)")


class FilesDamaged(UnavailableError):
    """Files are missing or are not what the run wrote; running again writes them again."""


def demand_hdfs(settings: Settings) -> Client:
    """The client of an HDFS that takes writes now; makes the archive's folders.

    Raises:
        ConfigurationError: no HDFS is known.
        UnavailableError: nothing listens there, or it is in safe mode.
    """
    demand_name_node(settings)
    client = connect_hdfs(settings)
    with hdfs_errors("making the archive's folders"):
        for folder in (ROOT, STAGING, MANIFESTS):
            client.mkdirs(folder, create_parent=True)
    return client


def read_bytes(client: Client, path: str) -> bytes:
    """A whole file. Raises FileNotFoundError, UnavailableError."""
    with hdfs_errors(f"reading {path}"):
        try:
            return patiently(lambda: bytes(client.read(path).read()), path)
        except FileNotFoundError:
            pass
    raise FileNotFoundError(path)


def read_archived(client: Client, folder: str, file: ArchivedFile) -> bytes:
    """The bytes of a file below `folder`, which are those its manifest describes. Raises FilesDamaged otherwise."""
    path = f"{folder}/{file.path}"
    try:
        content = read_bytes(client, path)
    except FileNotFoundError:
        raise FilesDamaged(_damage(path, "it is missing")) from None
    if len(content) != file.bytes:
        raise FilesDamaged(_damage(path, f"it has {len(content):,} bytes instead of {file.bytes:,}"))
    if bytes_checksum(content) != file.checksum:
        raise FilesDamaged(_damage(path, "its bytes are not those that were written"))
    return content


def bytes_checksum(content: bytes) -> str:
    """The checksum of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def write_bytes(client: Client, path: str, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all. Raises UnavailableError."""
    incoming = f"{path}.incoming"
    with hdfs_errors(f"writing {path}"):
        writer = client.create(incoming, WriteOptions(overwrite=True))
        writer.write(content)
        writer.hsync()
        writer.close()
        client.rename(incoming, path, overwrite=True)


def list_files(client: Client, folder: str) -> Iterator[tuple[str, int]]:
    """(path below the folder, length) of every file; none when the folder is missing. Raises UnavailableError."""
    with hdfs_errors(f"listing {folder}"):
        try:
            for status in client.list_status(folder, recursive=True):
                if not status.isdir:
                    yield status.path.removeprefix(f"{folder}/"), status.length
        except FileNotFoundError:
            return


def put_in_place(client: Client, staged: str, published: str) -> None:
    """Rename without overwriting. Done already is fine; what is there is compared by its reader.

    Raises:
        FilesDamaged: neither the staged file nor the published one exists.
        UnavailableError: HDFS does not answer.
    """
    with hdfs_errors(f"publishing {published}"):
        try:
            client.mkdirs(published.rpartition("/")[0], create_parent=True)
            client.rename(staged, published, overwrite=False)
        except FileExistsError:
            return
        except FileNotFoundError:
            if _exists(client, published):
                return
            missing = True
        else:
            missing = False
    if missing:
        raise FilesDamaged(_damage(staged, "it is missing"))


def remove(client: Client, path: str) -> None:
    """Remove a file or a folder; gone already is fine. Raises UnavailableError."""
    with hdfs_errors(f"removing {path}"):
        client.delete(path, recursive=True)


def remove_older(client: Client, token: int, keep: Collection[str]) -> list[str]:
    """Remove what archivers before `token` left: staging folders, and published files in no manifest.

    Only names that carry an older token: an archiver that lost its lease may still come here with an old list.

    Args:
        keep: paths of manifests, below the root.

    Returns:
        What was removed.
    """
    kept = set(keep)
    gone = []
    for path, _ in list_files(client, ROOT):
        name = _PUBLISHED.fullmatch(path.rpartition("/")[2])
        if name and int(name["token"]) < token and path not in kept:
            gone.append(f"{ROOT}/{path}")
    with hdfs_errors(f"listing {STAGING}"):
        folders = [status.path for status in client.list_status(STAGING)]
    for folder in folders:
        name = _STAGED.fullmatch(folder.rpartition("/")[2])
        if name and int(name["token"]) < token:
            gone.append(folder)
    for path in gone:
        remove(client, path)
    return gone


def _exists(client: Client, path: str) -> bool:
    try:
        client.get_file_info(path)
    except FileNotFoundError:
        return False
    return True


def _damage(path: str, what: str) -> str:
    return (
        f"The archive's file {path} cannot be used: {what}. Nothing in MongoDB was changed. Run `ecom archive` again: "
        "what was not yet committed is written again."
    )
