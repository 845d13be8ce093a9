"""A folder in an object store, through pyarrow's file systems: the few operations that a mirror of a run needs.

An object appears whole or not at all, but nothing can be renamed, and nothing is locked. `run_mirror.py` makes of that
what a run needs. Credentials and the store's endpoint come from the environment, and are never kept.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rl_cluster.config.shared_address import SharedAddress
from rl_cluster.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

__all__ = ["SharedFolder"]

CONNECT_S, ANSWER_S, ATTEMPTS = 5.0, 6.0, 2
"""Seconds until a store must accept a connection, and go on with an answer; how often a request is sent."""
GCS_RETRY_S = 40
CHUNK_BYTES = 1 << 22
AWS_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
AWS_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
REFUSED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT|EXPIRED|TOKEN|PERMISSION|UNAUTHENTICATED|40[13]"
)
UNREACHED = re.compile(r"NETWORK_CONNECTION|curlCode|UNAVAILABLE|DEADLINE|[Rr]etry", re.ASCII)
NO_BUCKET = re.compile(r"NO_SUCH_BUCKET|bucket does not exist")
CREDENTIALS = {
    "s3": "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "export GOOGLE_APPLICATION_CREDENTIALS=FILE",
}
MAX_WORDS = 200


class SharedFolder:
    """A folder of a store; names in it are relative, as `checkpoints/checkpoint-000001/manifest.json`.

    Every operation raises CheckpointError if the store cannot be reached, refuses access, or fails.

    Args:
        address: Where it is. Making one of these does not reach the store.

    Raises:
        ConfigError: The package that reaches stores is not installed, or the environment names no endpoint.
    """

    def __init__(self, address: SharedAddress) -> None:
        self.address = address
        self._root = f"{address.bucket}/{address.folder}"
        self._fs = _filesystems()
        with self._in_words():
            self._store = _s3(self._fs, address.bucket) if address.scheme == "s3" else _gcs(self._fs)

    def exists(self) -> bool:
        """Whether anything lies in the folder. Raises CheckpointError if there is no such bucket, too."""
        with self._in_words():
            (found,) = self._store.get_file_info([self._root])
            if found.type != self._fs.FileType.NotFound:
                return True
            (bucket,) = self._store.get_file_info([self.address.bucket])
        if bucket.type == self._fs.FileType.NotFound:
            raise self._no_bucket()
        return False

    def list(self, name: str) -> dict[str, int | None]:
        """Name -> bytes of what lies in a folder of this one; None for a folder. Empty if there is none."""
        with self._in_words():
            found = self._store.get_file_info(self._fs.FileSelector(self._path(name), allow_not_found=True))
        return {info.base_name: info.size if info.is_file else None for info in found}

    def read(self, name: str, max_bytes: int) -> bytes | None:
        """The content of an object, or the first `max_bytes` of it; None = there is none."""
        try:
            with self._in_words(), self._store.open_input_stream(self._path(name)) as file:
                return bytes(file.read(max_bytes))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Writes or replaces an object."""
        with self._in_words(), self._store.open_output_stream(self._path(name)) as file:
            file.write(content)

    def download(self, name: str, path: Path) -> bool:
        """Copies an object into a new file; False = there is no such object. Raises OSError for the file."""
        try:
            with self._in_words(), path.open("xb") as copy, self._store.open_input_stream(self._path(name)) as file:
                while chunk := file.read(CHUNK_BYTES):
                    copy.write(chunk)
        except FileNotFoundError:
            path.unlink(missing_ok=True)
            return False
        return True

    def delete(self, name: str) -> None:
        """Deletes an object, if there is one."""
        with self._in_words(), suppress(FileNotFoundError):
            self._store.delete_file(self._path(name))

    def delete_folder(self, name: str) -> None:
        """Deletes a folder and all that lies in it, if there is one."""
        with self._in_words(), suppress(FileNotFoundError):
            self._store.delete_dir(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Turns the store's errors into the user's; FileNotFoundError passes."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:  # pyarrow's errors are of both kinds
            if isinstance(error, OSError) and error.filename is not None:
                raise  # of a file on this machine
            raise self._error(str(error)) from None

    def _error(self, text: str) -> CheckpointError:
        """The store's fault in the user's words."""
        if NO_BUCKET.search(text):
            return self._no_bucket()
        if UNREACHED.search(text):
            what = "the store does not answer"
            remedy = "see that this machine reaches it; AWS_ENDPOINT_URL names a store that is not Amazon's"
        elif REFUSED.search(text):
            what = "the store refuses access"
            remedy = f"{CREDENTIALS[self.address.scheme]}, of somebody who may list, read, write and delete there"
        else:
            what, remedy = f"the store fails ({_first_words(text)})", "look into the store's own log, and try again"
        return CheckpointError(str(self.address), what, remedy)

    def _no_bucket(self) -> CheckpointError:
        remedy = "make it first, or name another one"
        return CheckpointError(str(self.address), f"there is no bucket {self.address.bucket}", remedy)


def _first_words(text: str) -> str:
    words = re.sub(r" ?\(Request ID: [^)]*\)", "", text.partition("\n")[0])
    return words[:MAX_WORDS].rstrip(" .:")


def _filesystems() -> Any:
    """`pyarrow.fs`, which comes with Ray and takes a moment to import."""
    try:
        return import_module("pyarrow.fs")
    except ImportError:
        remedy = "pip install pyarrow, or name a folder by its path"
        raise ConfigError("shared storage", "pyarrow, which reaches stores, is not installed", remedy) from None


def _s3(fs: Any, bucket: str) -> "FileSystem":
    with suppress(ValueError, OSError):  # it has begun already in this process
        fs.initialize_s3(fs.S3LogLevel.Off)
    options: dict[str, Any] = {"connect_timeout": CONNECT_S, "request_timeout": ANSWER_S}
    endpoint = next((os.environ[name] for name in AWS_ENDPOINTS if os.environ.get(name)), None)
    region = next((os.environ[name] for name in AWS_REGIONS if os.environ.get(name)), None)
    if endpoint:
        options |= {"endpoint_override": _checked_endpoint(endpoint), "region": region or "us-east-1"}
    elif region:
        options["region"] = region
    else:
        with suppress(OSError):  # the store says itself why it cannot be asked, when it is used
            options["region"] = fs.resolve_s3_region(bucket)
    retries = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
    store: FileSystem = fs.S3FileSystem(retry_strategy=retries, **options)
    return store


def _checked_endpoint(endpoint: str) -> str:
    """The endpoint. Raises ConfigError if it is none; it is not repeated, because it may hold a password."""
    try:
        parts = urlsplit(endpoint)
        is_sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        is_sound = is_sound and "@" not in parts.netloc and not parts.query and parts.path in {"", "/"}
    except ValueError:
        is_sound = False
    if not is_sound:
        raise ConfigError("AWS_ENDPOINT_URL", "is no address of a store", "export http://HOST:PORT or https://HOST")
    return endpoint.rstrip("/")


def _gcs(fs: Any) -> "FileSystem":
    store: FileSystem = fs.GcsFileSystem(retry_time_limit=timedelta(seconds=GCS_RETRY_S))
    return store
