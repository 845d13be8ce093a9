"""Which lines of metrics.jsonl are sound, whatever has happened to the file."""

import json
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.training.events import Told
from rl_cluster.training.files.metrics_lines import EVENTS, parse_line, read_metrics, sort_lines


def _line(iteration: int) -> bytes:
    return json.dumps({"iteration": iteration, "learning/loss": 0.5 * iteration}).encode() + b"\n"


def _sorted(path: Path, content: bytes, iteration: int) -> tuple[bytes, list[int]]:
    """What is kept, and the numbers of the damaged lines."""
    path.write_bytes(content)
    with FileIO(path, "r") as file:
        lines = sort_lines(file, iteration)
    assert len(lines.damaged) == len(lines.damaged_numbers)
    return b"".join(content[begin : begin + length] for begin, length in lines.kept), lines.damaged_numbers


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n", b"[]\n", b"{}\n", b'"x"\n', b"\xff\xfe\n", b"\0" * 50 + b"\n", b'{"iteration": 1}', b"[" * 9999 + b"\n",
        b'{"iteration": null}\n', b'{"iteration": "1"}\n', b'{"iteration": true}\n', b'{"iteration": 1.0}\n',
        b'{"iteration": 0}\n', b'{"iteration": -1}\n', b'{"iteration": 1e400}\n', b'{"iteration": %d}\n' % 10**40,
        b'{"iteration": 1, "a": NaN}\n', b'{"iteration": 1, "a": 1e999}\n', b'{"iteration": 1, "a": "1"}\n',
        b'{"iteration": 1, "a": null}\n', b'{"iteration": 1, "a": true}\n', b'{"iteration": 1, "a": %d}\n' % 10**400,
        b'{"iteration": 1, "events": "x"}\n', b'{"iteration": 1, "events": [1]}\n',
        b'{"iteration": 1, "events": [{"kind": "advance"}]}\n', b'{"iteration": 1, "events": [{"kind": "stay"}]}\n',
        b'{"iteration": 1, "events": [{"kind": "alert over", "key": "a", "value": NaN}]}\n',
        b'{"iteration": 1}' + b" " * 2**20 + b"\n",
    ],
)  # fmt: skip
def test_parse_line__takes_nothing_but_what_a_run_writes(line: bytes) -> None:
    assert parse_line(line) is None


def test_parse_line__reads_what_older_versions_wrote_as_its_words() -> None:
    """A line of a run before events were records."""
    line = b'{"iteration": 16, "curriculum/stage": 1.0, "events": ["advance: stage 1 -> 2, score 0.89 >= 0.82"]}\n'

    data = parse_line(line)

    assert data is not None
    assert data["curriculum/stage"] == 1.0
    assert data[EVENTS] == [Told("advance: stage 1 -> 2, score 0.89 >= 0.82")]


def test_read_metrics__passes_over_what_is_not_sound(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(_line(1) + b"\xff\n" + _line(3) + b'{"iteration": 4')

    assert [line["iteration"] for line in read_metrics(path)] == [1, 3]
    assert list(read_metrics(tmp_path / "missing")) == []


@given(cut=st.integers(0, 6), damaged=st.sets(st.integers(1, 6)), spoilt=st.sampled_from([b"\n", b"\x80\n", b"{}\n"]))
def test_sort_lines__keeps_every_sound_line_and_names_every_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int, damaged: set[int], spoilt: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "sorted.jsonl"
    content = b"".join(spoilt if number in damaged else _line(number) for number in range(1, 7))

    kept, numbers = _sorted(path, content, cut)

    assert kept == b"".join(_line(number) for number in range(1, cut + 1) if number not in damaged)
    # Beyond the first sound line of the future that is left, nobody asks what is sound.
    future = min((number for number in range(cut + 1, 7) if number not in damaged), default=7)
    assert numbers == [number for number in range(1, future) if number in damaged]


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("place", range(0, 38, 3))
def test_sort_lines__loses_one_line_at_most_to_one_flipped_bit(tmp_path: Path, place: int, bit: int) -> None:
    lines = [_line(number) for number in range(1, 6)]
    spoilt = bytearray(lines[2])
    spoilt[place % len(spoilt)] ^= 1 << bit
    content = b"".join([*lines[:2], bytes(spoilt), *lines[3:]])

    kept, numbers = _sorted(tmp_path / "metrics.jsonl", content, 5)

    num_kept = kept.count(b"\n")
    assert num_kept + len(numbers) >= 4
    # A line that has lost its end takes the next one along; any other bit costs its own line, or a figure in it.
    assert num_kept >= (3 if spoilt[-1:] != b"\n" else 4)
    assert numbers or num_kept == 5


@pytest.mark.parametrize(
    ("iterations", "kept", "damaged"),
    [
        ([1, 2, 7, 4, 5], [1, 2, 4, 5], [3]),
        ([1, 2, 1, 4, 5], [1, 2, 4, 5], [3]),
        ([9, 2, 3, 4, 5], [2, 3, 4, 5], [1]),
        ([1, 2, 3, 4, 9, 6, 7], [1, 2, 3, 4], [5]),
        ([1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5], []),
    ],
)
def test_sort_lines__tells_a_changed_iteration_by_its_neighbours(
    tmp_path: Path, iterations: list[int], kept: list[int], damaged: list[int]
) -> None:
    found, numbers = _sorted(tmp_path / "metrics.jsonl", b"".join(map(_line, iterations)), 5)

    assert found == b"".join(map(_line, kept))
    assert numbers == damaged


def test_sort_lines__takes_a_line_that_a_kill_has_cut_off_for_the_future(tmp_path: Path) -> None:
    content = _line(1) + _line(2) + _line(3)[:-5]

    assert _sorted(tmp_path / "metrics.jsonl", content, 2) == (_line(1) + _line(2), [])
    assert _sorted(tmp_path / "metrics.jsonl", content, 3) == (_line(1) + _line(2), [3])
