"""A journal holds what was noted whatever happened to its writer, and one process writes it at a time."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from rl_cluster.tune.entry import Entry, format_entry
from rl_cluster.tune.journal import Journal, ended_trials, format_header, read_entries


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty journal."""
    path = tmp_path / "trials.jsonl"
    path.write_bytes(format_header())
    return path


def test_journal__gives_back_what_was_noted(
    path: Path, entry: Callable[..., Entry], study_config: Callable[..., Config]
) -> None:
    noted = [entry((0.1 * number, None), trial=f"{number % 2:05d}") for number in range(6)]
    for part in (noted[:4], noted[4:]):
        with Journal(path, study_config()) as journal:
            for one in part:
                journal.note(one)
    assert read_entries(path, study_config()) == noted
    with Journal(path, study_config()) as journal:
        assert journal.last == {"00000": noted[4], "00001": noted[5]}


def test_ended_trials__are_those_whose_last_entry_says_so(
    path: Path, entry: Callable[..., Entry], study_config: Callable[..., Config]
) -> None:
    assert ended_trials(path, study_config()) == set()

    ends = {"00000": ("trains", "ended"), "00001": ("ended", "trains"), "00002": ("failed",)}
    with Journal(path, study_config()) as journal:
        for trial, statuses in ends.items():
            for status in statuses:
                journal.note(entry(trial=trial, status=status))

    assert ended_trials(path, study_config()) == {"00000"}


def test_journal_cut_at_any_byte__keeps_every_whole_line(
    path: Path, entry: Callable[..., Entry], study_config: Callable[..., Config]
) -> None:
    config, noted = study_config(), [entry(rounds=number) for number in (1, 2)]
    content = format_header() + b"".join(map(format_entry, noted))
    ends = [len(format_header()), len(format_header() + format_entry(noted[0])), len(content)]
    for length in range(ends[0], len(content) + 1, 7):
        path.write_bytes(content[:length])
        whole = sum(length >= end for end in ends) - 1
        with Journal(path, config) as journal:
            assert journal.entries == noted[:whole]
            journal.note(noted[1])
        assert read_entries(path, config) == [*noted[:whole], noted[1]]


def test_journal__has_one_writer(path: Path, study_config: Callable[..., Config]) -> None:
    with (
        Journal(path, study_config()),
        pytest.raises(CheckpointError, match="is being written by another process; wait for it, or end it"),
    ):
        Journal(path, study_config())


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "line 1: does not tell the format"),
        (b"\n", "line 1: does not tell the format"),
        (b"[]\n", "line 1: does not tell the format"),
        (b'{"format": "1"}\n', "line 1: has format '1', which is no format's number"),
        (
            b'{"format": 2}\n',
            "line 1: was written by a newer version of rl_cluster .format 2; this one reads up to 1.; ",
        ),
        (b'{"format": 1, "more": 1}\n', "line 1: says more than the format"),
        (b"\x80\x04\x95cos\nsystem\n", "line 1: does not tell the format"),
        (b'{"format": 1}\n\n', "line 2: is not JSON"),
        (b'{"format": 1}\n{"trial": \n', "line 2: is not JSON"),
        (b'{"format": 1}\n[]\n', "line 2: is no entry of a trial; delete that line"),
        (b'{"format": 1}\n\xff\n', "line 2: is not UTF-8; delete that line"),
        (b'{"format": 1}\n' + b"[" * 50_000 + b"\n", "line 2: is not JSON"),
        (b'{"format": 1}\n' + b"x" * 100_000, "line 2: is not JSON"),
    ],
)
def test_journal_that_is_damaged__is_refused(
    content: bytes, what: str, path: Path, study_config: Callable[..., Config]
) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=what):
        Journal(path, study_config())
    assert path.read_bytes() == content


def test_journal_that_is_no_plain_file__is_refused(tmp_path: Path, study_config: Callable[..., Config]) -> None:
    (tmp_path / "target").write_bytes(format_header())
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name, what in (
        ("folder", "is no plain file"),
        ("link", "is a link"),
        ("fifo", "is no plain file"),
        ("none", "cannot be read: No such file"),
    ):
        with pytest.raises(CheckpointError, match=what):
            read_entries(tmp_path / name, study_config())


@given(data=st.data())
def test_any_change_to_a_line__is_refused_or_means_a_trial_of_the_study(
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
    entry: Callable[..., Entry],
    study_config: Callable[..., Config],
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.jsonl"
    content = bytearray(format_header() + format_entry(entry()) + format_entry(entry(trial="test-given", sample={})))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path.write_bytes(content)
    entries = []
    with suppress(CheckpointError):  # any other error is a crash
        entries = read_entries(path, study_config())
    numbers = [f"{number:05d}" for number in range(4)]
    assert {one.trial for one in entries} <= {*numbers, *(f"test-{number}" for number in numbers), "test-given"}
