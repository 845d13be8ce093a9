"""Records as TensorBoard curves: event files, written without a thread, so that a full disk raises an error.

tensorboardX's own writer hands events to a thread that ends at the first error; after that, its callers wait for ever.
"""

import os
import secrets
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

__all__ = ["TensorBoardTracker"]

FILE_VERSION = "brain.Event:2"
CHECKSUM_DELTA = 0xA282EAD8
UINT32 = 0xFFFFFFFF


class TensorBoardTracker:
    """Writes an event file.

    Args:
        folder: The folder for the file; it is made.
        first_iteration: Curves of an earlier process are cut here.
    """

    def __init__(self, folder: Path, first_iteration: int) -> None:
        folder.mkdir(exist_ok=True)  # the run's own folder is not made again: it may have been moved
        # TensorBoard reads the files of a folder in the order of their names
        name = f"events.out.tfevents.{time.time():017.6f}.{secrets.token_hex(4)}.from-{first_iteration}"
        self._path = folder / name
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        start = SessionLog(status=SessionLog.START)
        try:
            self._write(
                Event(wall_time=time.time(), step=first_iteration, file_version=FILE_VERSION),
                Event(wall_time=time.time(), step=first_iteration, session_log=start),
            )
        except OSError:  # the next attempt uses another file
            os.close(self._file)
            self._path.unlink(missing_ok=True)
            raise

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Adds a point to each curve, at the iteration, all in one event, which takes a tenth of the time."""
        values = [Summary.Value(tag=key, simple_value=value) for key, value in metrics.items()]
        self._write(Event(wall_time=time.time(), step=iteration, summary=Summary(value=values)))

    def close(self) -> None:
        """Closes the file, which already holds every record."""
        os.close(self._file)

    def _write(self, *events: Event) -> None:
        """Writes all records or none: readers find nothing behind a torn record."""
        content = b"".join(_record(event.SerializeToString()) for event in events)
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            num_written = os.write(self._file, content)
            if num_written < len(content):
                os.write(self._file, content[num_written:])  # says why there is no room
        except OSError:
            os.ftruncate(self._file, end)
            raise


def _record(event: bytes) -> bytes:
    """Length, its checksum, the event, its checksum: TFRecord."""
    length = struct.pack("<Q", len(event))
    return length + _checksum(length) + event + _checksum(event)


def _checksum(content: bytes) -> bytes:
    crc: int = crc32c(content)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + CHECKSUM_DELTA) & UINT32)
