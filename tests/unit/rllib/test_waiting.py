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
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer) and thread.is_alive()]
