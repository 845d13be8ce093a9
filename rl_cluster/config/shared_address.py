"""Addresses of folders in an object store, `s3://BUCKET/FOLDER`: what the user may write where a run folder is named.

Nothing here reaches the store. NFS and its like need no address: a mounted folder has a path.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rl_cluster.config.address_secrets import holds_secret
from rl_cluster.errors import ConfigError

__all__ = ["Place", "SharedAddress", "is_address", "name_of", "place"]

SCHEMES = ("s3", "gs")
ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
PART = re.compile(r"[A-Za-z0-9_=,+.-]+")
"""What neither stores nor shells read otherwise."""
MAX_FOLDER_BYTES = 900
"""Stores end at 1,024 bytes; a checkpoint's files need the rest."""
EXAMPLE = "write s3://BUCKET/FOLDER or gs://BUCKET/FOLDER"


@dataclass(frozen=True, slots=True)
class SharedAddress:
    """A folder in an object store."""

    scheme: str
    bucket: str
    folder: str
    """without slashes at its ends"""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address. Raises ConfigError if the text is none, or holds a secret."""
        if holds_secret(text):
            what = "holds a user name, a password or a token, which would be printed"
            remedy = "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS, instead"
            raise ConfigError(f"address {text.partition('://')[0][:20]}://..", what, remedy)  # which does not repeat it
        match = ADDRESS.fullmatch(text)
        if not match or match["scheme"].lower() not in SCHEMES:
            what = "is no address of a store that is known"
            raise ConfigError(text[:200], what, f"{EXAMPLE}; a folder that all nodes mount is named by its path")
        bucket, _, folder = match["rest"].partition("/")
        folder = folder.rstrip("/")
        if fault := _fault(bucket, folder):
            raise ConfigError(text[:200], fault, EXAMPLE)
        return cls(match["scheme"].lower(), bucket, folder)

    @property
    def name(self) -> str:
        """The last part of the folder."""
        return self.folder.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.folder}"


Place = Path | SharedAddress
"""Where a run or a checkpoint lies."""


def is_address(text: str) -> bool:
    """True = the text is meant as an address, not as a path."""
    return ADDRESS.match(text) is not None


def place(text: str | Place) -> Place:
    """A path or an address. Raises ConfigError for an address that cannot be one."""
    if isinstance(text, SharedAddress):
        return text
    return SharedAddress.parse(text) if isinstance(text, str) and is_address(text) else Path(text)


def name_of(where: Place) -> str:
    """The last part of a place, by which people tell it from others."""
    return where.name if isinstance(where, SharedAddress) else where.absolute().name


def _fault(bucket: str, folder: str) -> str | None:
    """What is wrong with the parts of an address; None = nothing."""
    if not BUCKET.fullmatch(bucket) or ".." in bucket:
        return "names no bucket" if not bucket else "names a bucket that no store allows"
    if not folder:
        return "names a bucket, but no folder in it"
    if len(folder.encode("utf-8", "surrogatepass")) > MAX_FOLDER_BYTES:
        return f"names a folder of more than {MAX_FOLDER_BYTES} bytes"
    parts = folder.split("/")
    if any(part in {".", ".."} or not PART.fullmatch(part) for part in parts):
        return "names a folder with empty parts, or with more than letters, digits and _=,+.-"
    return None
