"""A folder of files that appears complete or not at all, and in which damage is detected.

It is written beside its place, flushed to the disk and renamed; a manifest holds size and sha256 of every file. Reading
checks all of that before it returns a byte. `checkpoint.py` knows what the files mean.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rl_cluster.config.bounded_file import FileFault, read_bounded
from rl_cluster.config.formats import refusal

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "Damage",
    "Newer",
    "Sealed",
    "read_sealed",
    "remove_leftovers",
    "remove_sealed",
    "write_sealed",
]

FORMAT_VERSION = 3
"""Raised when files are added, renamed or change their meaning. Folders of newer versions are refused;
`migrations.py` adds what older ones lack."""
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20


class Damage(Exception):  # noqa: N818  a finding, which `checkpoint.py` turns into the user's error
    """The folder is not what was written: `where` is the file or folder, `what` says what is wrong with it."""

    def __init__(self, where: Path, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what


class Newer(Damage):
    """The folder is sound, but a newer version has written it; `remedy` says which version reads it."""

    def __init__(self, where: Path, what: str, remedy: str) -> None:
        super().__init__(where, what)
        self.remedy = remedy


def write_sealed(folder: Path, files: dict[str, bytes]) -> None:
    """Writes a folder, and replaces one of the same name if there is one; its parent must exist.

    After a crash at any point, no part of the new folder is in its place.

    Raises:
        OSError: The disk is full, or the like. What was there before is untouched.
    """
    scratch = _beside(folder)
    scratch.mkdir()
    try:
        for name, content in files.items():
            _write_file(scratch / name, content)
        _write_file(scratch / MANIFEST, _manifest(files))
        _sync_folder(scratch)
        _put_in_place(scratch, folder)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remove_sealed(folder: Path) -> None:
    """Deletes a folder. It is renamed first, so that a kill on the way does not leave half of it under its name.

    Files that cannot be deleted stay.
    """
    with suppress(OSError):
        shutil.rmtree(folder.rename(_beside(folder)), ignore_errors=True)


def remove_leftovers(parent: Path) -> None:
    """Deletes what killed writers left beside their folders. Only for the one process that writes in `parent`."""
    for scratch in parent.glob(".*.tmp-*-*"):
        shutil.rmtree(scratch, ignore_errors=True)


class Sealed:
    """A sealed folder whose manifest is sound, but whose files have not been read or checked yet.

    Args:
        folder: The folder of the manifest.
        entries: What the manifest lists.
        number: The number of the folder's format.
    """

    def __init__(self, folder: Path, entries: Mapping[str, Any], number: int) -> None:
        self.folder, self.number, self._entries = folder, number, entries
        self.num_bytes = {name: _listed_bytes(folder / name, entry) for name, entry in entries.items()}
        """Name -> size of the file, as the manifest lists it."""

    def read(self, name: str) -> bytes:
        """The content of a file as it was written. Raises Damage."""
        path, num_bytes = self.folder / name, self.num_bytes[name]
        content = _read_plain(path, num_bytes)
        if len(content) < num_bytes:
            raise Damage(path, f"is truncated to {len(content)} of {num_bytes} bytes")
        if hashlib.sha256(content).hexdigest() != self._entries[name]["sha256"]:
            raise Damage(path, "is changed: its sha256 is not the one in the manifest")
        return content


def _open_sealed(folder: Path) -> Sealed:
    """A folder whose files may be read; so far only its manifest and the names of its files have been checked.

    Raises:
        Damage: The manifest, or a file, is missing or unknown.
        Newer: A newer version has written it.
    """
    try:
        manifest = _read_manifest(folder)
        if fault := refusal(manifest["format_version"], FORMAT_VERSION):
            raise Newer(folder, *fault)
        listed, present = manifest["files"].keys(), {path.name for path in folder.iterdir()} - {MANIFEST}
    except OSError as error:
        raise Damage(folder, f"cannot be read: {error.strerror}") from error
    for name in sorted(present ^ listed):
        raise Damage(folder / name, "is missing" if name in listed else f"is not listed in {MANIFEST}")
    return Sealed(folder, manifest["files"], manifest["format_version"])


def read_sealed(folder: Path, check: Callable[[Sealed], None] | None = None) -> dict[str, bytes]:
    """Name -> content of the files, each as it was written.

    Args:
        folder: What `write_sealed` wrote.
        check: Called before the files are read: those that the manifest lists may exceed the memory.

    Raises:
        Damage: A file is missing, unknown, not a plain file, truncated or changed.
        Newer: A newer version has written the folder.
    """
    sealed = _open_sealed(folder)
    if check:
        check(sealed)
    return {name: sealed.read(name) for name in sealed.num_bytes}


def _beside(folder: Path) -> Path:
    """A unique name beside the folder, which `remove_leftovers` recognises."""
    return folder.with_name(f".{folder.name}.tmp-{os.getpid()}-{secrets.token_hex(8)}")


def _put_in_place(scratch: Path, folder: Path) -> None:
    if not os.path.lexists(folder):
        scratch.rename(folder)
        return
    former = folder.rename(_beside(folder))
    scratch.rename(folder)
    shutil.rmtree(former, ignore_errors=True)


def _manifest(files: dict[str, bytes]) -> bytes:
    entries = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()
    }
    body: dict[str, Any] = {"format_version": FORMAT_VERSION, "files": entries}
    return _canonical({**body, "sha256": hashlib.sha256(_canonical(body)).hexdigest()})


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, indent=1, sort_keys=True).encode() + b"\n"


def _read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, if every byte is as written: it holds its own hash, and its JSON has only one valid spelling."""
    path = folder / MANIFEST
    content = _read_plain(path, MAX_MANIFEST_BYTES)
    if not content:
        raise Damage(path, "is truncated to 0 bytes")
    try:
        manifest = json.loads(content)
        body = {key: manifest[key] for key in ("format_version", "files")}
        digest = hashlib.sha256(_canonical(body)).hexdigest()
        is_whole = content == _canonical({**body, "sha256": digest})
    except (ValueError, KeyError, TypeError, RecursionError):
        is_whole = False
    if not is_whole or not isinstance(body["files"], dict) or type(body["format_version"]) is not int:
        raise Damage(path, "is truncated or changed")
    return dict(body)


def _listed_bytes(path: Path, entry: Any) -> int:
    if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"} or type(entry["bytes"]) is not int:
        raise Damage(path, f"is listed in {MANIFEST} without size and sha256")
    return int(entry["bytes"])


def _read_plain(path: Path, max_bytes: int) -> bytes:
    """The file's content; never follows a link, waits for a pipe, or reads more than it should hold."""
    try:
        return read_bounded(path, max_bytes, follow_links=False)
    except FileNotFoundError:
        raise Damage(path, "is missing") from None
    except FileFault as fault:
        what = {"large": f"is changed: it {fault.what}", "unreadable": fault.what}
        raise Damage(path, what.get(fault.kind, "is not a plain file")) from None


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
