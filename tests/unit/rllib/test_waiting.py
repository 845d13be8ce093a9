"""A wait tells what it waits for, and has a limit."""

import logging
import threading

import pytest

from rl_cluster.rllib import waiting as waiting_module
from rl_cluster.rllib.waiting import waiting


def test_waiting__gives_up_at_its_limit_and_says_what_it_has_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    is_over = threading.Event()

    with caplog.at_level(logging.WARNING), waiting("a node", 0.05, is_over.set) as wait:
        assert is_over.wait(10.0)

    assert wait.is_given_up
    assert caplog.messages == ["waiting for a node, for 0.05 s at most"]


def test_waiting__that_ends_in_time_says_and_ends_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_module, "QUIET_S", 60.0)
    is_over = threading.Event()

    with waiting("a node", 60.0, is_over.set) as wait:
        pass

    assert not wait.is_given_up
    assert not is_over.is_set()
    assert caplog.messages == []
    assert not [thread for thread in threading.enumerate() if thread.name == "waiting for a node"]


def test_waiting__says_again_and_again_how_far_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_module, "QUIET_S", 0.01)
    monkeypatch.setattr(waiting_module, "REPEAT_S", 0.01)
    told, is_enough = iter(["", "1 of 2 are up", "2 of 2 are up"]), threading.Event()

    def progress() -> str:
        words = next(told, None)
        if words is None:
            is_enough.set()
        return words or ""

    with waiting("nodes", 60.0, progress=progress):
        assert is_enough.wait(10.0)

    assert caplog.messages[:3] == [
        "waiting for nodes, for 60 s at most",
        "waiting for nodes, for 60 s at most; 1 of 2 are up",
        "waiting for nodes, for 60 s at most; 2 of 2 are up",
    ]
