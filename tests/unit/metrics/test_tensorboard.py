"""Event files are whole whatever the disk does, and writing them waits for nobody."""

import struct
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import RecordWriter

from rl_cluster.metrics.tensorboard import TensorBoardTracker, _record

FullDisk = Callable[[int], AbstractContextManager[None]]


def _events(folder: Path) -> list[Event]:
    (file,) = folder.iterdir()
    content, events = file.read_bytes(), []
    while content:
        (length,) = struct.unpack_from("<Q", content)
        events.append(Event.FromString(content[12 : 12 + length]))
        assert _record(content[12 : 12 + length]) == content[: 16 + length]
        content = content[16 + length :]
    return events


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)) * 40])
def test_record__is_that_of_tensorboardx(content: bytes, tmp_path: Path) -> None:
    writer = RecordWriter(str(tmp_path / "theirs"))
    writer.write(content)
    writer.close()

    assert _record(content) == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize("room_bytes", [0, 1, 11, 12, 40, 60])
def test_tracker__on_a_full_disk_raises_and_goes_on_where_it_was(
    room_bytes: int, tmp_path: Path, full_disk: FullDisk
) -> None:
    threads = threading.active_count()
    tracker = TensorBoardTracker(tmp_path / "events", 1)
    tracker.log(1, {"a/b": 1.0})
    (file,) = (tmp_path / "events").iterdir()
    before = file.read_bytes()
    with full_disk(len(before) + room_bytes), pytest.raises(OSError, match="File too large"):
        tracker.log(2, {"a/b": 2.0, "c/d": 3.0, "e/f": 4.0})
    assert file.read_bytes() == before
    tracker.log(2, {"a/b": 2.0})
    tracker.close()

    steps = [(event.step, [value.simple_value for value in event.summary.value]) for event in _events(file.parent)]
    assert steps == [(1, []), (1, []), (1, [1.0]), (2, [2.0])]
    assert threading.active_count() == threads


def test_tracker__that_cannot_begin_leaves_no_file(tmp_path: Path, full_disk: FullDisk) -> None:
    with full_disk(10), pytest.raises(OSError, match="File too large"):
        TensorBoardTracker(tmp_path / "events", 1)

    assert list((tmp_path / "events").iterdir()) == []


def test_tracker__makes_no_run_folder_that_has_been_moved(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TensorBoardTracker(tmp_path / "moved" / "tensorboard", 1)
