"""A folder of files that appears whole or not at all, and that knows when it has been damaged.

It is written beside its place, flushed to the disk and renamed; a manifest holds size and sha256 of every file. Reading
checks all of that before it hands out a byte. What the files mean is the business of `checkpoint.py`.
"""

import hashlib
import json
import os
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["FORMAT_VERSION", "MANIFEST", "Damage", "read_sealed", "remove_leftovers", "remove_sealed", "write_sealed"]

FORMAT_VERSION = 1
"""Raised when files are added, renamed or mean something else; folders of other versions are refused."""
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20


class Damage(Exception):  # noqa: N818  a finding, which `checkpoint.py` turns into the user's error
    """The folder is not what was written: `where` is the file or folder, `what` says what is wrong with it."""

    def __init__(self, where: Path, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what


def write_sealed(folder: Path, files: dict[str, bytes]) -> None:
    """Writes a folder, in the place of one of the same name if there is one; its parent must exist.

    A crash at any point leaves no part of the new folder in its place.

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
    """Deletes a folder: it loses its name first, so that a kill on the way leaves no half of it under that name.

    What cannot be deleted stays.
    """
    with suppress(OSError):
        shutil.rmtree(folder.rename(_beside(folder)), ignore_errors=True)


def remove_leftovers(parent: Path) -> None:
    """Deletes what killed writers left beside their folders. Only for the one process that writes in `parent`."""
    for scratch in parent.glob(".*.tmp-*-*"):
        shutil.rmtree(scratch, ignore_errors=True)


def read_sealed(folder: Path) -> dict[str, bytes]:
    """Name -> content of the files, each as it was written.

    Raises:
        Damage: A file is missing, unknown, no plain file, truncated or changed, or the format is of another version.
    """
    try:
        manifest = _read_manifest(folder)
        if manifest["format_version"] != FORMAT_VERSION:
            what = f"has format version {manifest['format_version']}, this program reads {FORMAT_VERSION}"
            raise Damage(folder, what)
        listed, present = manifest["files"].keys(), {path.name for path in folder.iterdir()} - {MANIFEST}
        for name in sorted(present ^ listed):
            raise Damage(folder / name, "is missing" if name in listed else f"is not listed in {MANIFEST}")
        return {name: _read_checked(folder / name, entry) for name, entry in manifest["files"].items()}
    except OSError as error:
        raise Damage(folder, f"cannot be read: {error.strerror}") from error


def _beside(folder: Path) -> Path:
    """A name of its own, which `remove_leftovers` knows."""
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
    """The manifest, if every byte of it is as written: it holds its own hash, and no spelling but ours."""
    path = folder / MANIFEST
    if not os.path.lexists(path):
        raise Damage(path, "is missing")
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
    if not is_whole or not isinstance(body["files"], dict):
        raise Damage(path, "is truncated or changed")
    return dict(body)


def _read_checked(path: Path, entry: Any) -> bytes:
    if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"} or not isinstance(entry["bytes"], int):
        raise Damage(path, f"is listed in {MANIFEST} without size and sha256")
    content = _read_plain(path, entry["bytes"])
    if len(content) < entry["bytes"]:
        raise Damage(path, f"is truncated to {len(content)} of {entry['bytes']} bytes")
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise Damage(path, "is changed: its sha256 is not the one in the manifest")
    return content


def _read_plain(path: Path, max_bytes: int) -> bytes:
    """The file's content; never follows a link, waits for a pipe, or reads more than it should hold."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise Damage(path, "is not a plain file")
    if status.st_size > max_bytes:
        raise Damage(path, f"has grown to {status.st_size} bytes; {max_bytes} are expected at most")
    return path.read_bytes()


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
