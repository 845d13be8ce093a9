"""A Ray of our own finds a place for its files, or says what can be set."""

from pathlib import Path

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.rllib import short_folder as module
from rl_cluster.rllib.short_folder import short_folder

SOCKET = "rlc-12345678/ray/session_2026-11-28_03-49-03_965734_4194304/sockets/plasma_store"
"""With the highest process id that Linux gives."""


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """/tmp is a place that cannot be written, for root neither."""
    monkeypatch.setattr(module, "_USUAL", "/proc/none")


def test_folder__is_tmp_whatever_a_job_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/dev/shm")

    assert short_folder() == Path("/tmp")


@pytest.mark.usefixtures("nowhere")
def test_folder__is_the_chosen_one_where_tmp_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/dev/shm")

    assert short_folder() == Path("/dev/shm")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("chosen", ["", "/proc/none", "relative", "/dev/shm/" + "x" * 18])
def test_folder__that_cannot_be_is_refused_with_what_to_set(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.setenv("TMPDIR", chosen)

    with pytest.raises(ClusterError, match=r"/proc/none: .*; set TMPDIR to a folder that can be written, .* 26 bytes"):
        short_folder()


def test_folder__leaves_room_for_rays_sockets() -> None:
    assert len(f"/{'x' * 25}/{SOCKET}") <= 107
