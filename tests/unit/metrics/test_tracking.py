"""Whatever a service does, a run is neither held up nor ended, and what could be delivered is."""

import logging
import threading
import time
from collections.abc import Mapping

import pytest

from rl_cluster.metrics import tracking
from rl_cluster.metrics.tracking import Outbox


class _Service:
    """Refuses a number of times, then takes all."""

    def __init__(self, num_refusals: int) -> None:
        self.taken: list[tuple[int, Mapping[str, float]]] = []
        self._num_refusals = num_refusals
        self.is_closed = threading.Event()

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        if self._num_refusals:
            self._num_refusals -= 1
            raise ConnectionError("nobody\nlistens")
        self.taken.append((iteration, metrics))

    def close(self) -> None:
        self.is_closed.set()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "RETRY_S", (0.01, 0.02))
    monkeypatch.setattr(tracking, "CLOSE_PATIENCE_S", 0.4)


def test_outbox__delivers_in_order_what_was_refused_at_first(caplog: pytest.LogCaptureFixture) -> None:
    service = _Service(num_refusals=3)
    outbox = Outbox("Service", lambda: service)
    for iteration in range(1, 4):
        outbox.log(iteration, {"a": float(iteration)})
    outbox.close()

    assert service.taken == [(iteration, {"a": float(iteration)}) for iteration in range(1, 4)]
    assert service.is_closed.is_set()
    assert [record.getMessage() for record in caplog.records] == [
        "Service does not answer (nobody); records wait, and the run goes on"
    ]


def test_flush__returns_when_the_service_has_all_records() -> None:
    may_open = threading.Event()
    service = _Service(num_refusals=0)

    def open_late() -> _Service:
        assert may_open.wait(10.0)
        return service

    outbox = Outbox("Service", open_late)
    for iteration in range(1, 4):
        outbox.log(iteration, {})
    threading.Timer(0.1, may_open.set).start()

    outbox.flush()

    assert [iteration for iteration, _ in service.taken] == [1, 2, 3]
    assert not service.is_closed.is_set()
    outbox.close()


def test_flush__leaves_a_service_that_fails() -> None:
    service = _Service(num_refusals=10**9)
    outbox = Outbox("Service", lambda: service)
    outbox.log(1, {})
    begin_s = time.perf_counter()

    outbox.flush()

    assert time.perf_counter() - begin_s < 5.0
    assert service.taken == []


def test_outbox__of_a_service_that_is_down_costs_no_time_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> _Service:
        raise OSError("down")

    outbox = Outbox("Service", refuse)
    begin_s = time.perf_counter()
    for iteration in range(1000):
        outbox.log(iteration, {})
    assert time.perf_counter() - begin_s < 1.0
    with caplog.at_level(logging.WARNING):
        outbox.close()

    assert "Service has not taken the last 1000 records; metrics.jsonl holds them all" in caplog.text
    assert caplog.text.count("does not answer") == 1


def test_outbox__gives_up_on_a_service_that_hangs() -> None:
    is_over = threading.Event()

    class _Hanging(_Service):
        def log(self, iteration: int, metrics: Mapping[str, float]) -> None:  # noqa: ARG002 - a tracker's signature
            is_over.wait(60.0)

    outbox = Outbox("Service", lambda: _Hanging(0))
    outbox.log(1, {})
    begin_s = time.perf_counter()
    outbox.close()
    is_over.set()

    assert time.perf_counter() - begin_s < 5.0


def test_outbox__waits_as_long_as_records_move(caplog: pytest.LogCaptureFixture) -> None:
    """Each record takes a third of the patience, all of them three times as long as it."""
    is_never = threading.Event()

    class _Slow(_Service):
        def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
            is_never.wait(tracking.CLOSE_PATIENCE_S / 3.0)
            super().log(iteration, metrics)

    service = _Slow(0)
    outbox = Outbox("Service", lambda: service)
    for iteration in range(9):
        outbox.log(iteration, {})
    outbox.close()

    assert [iteration for iteration, _ in service.taken] == list(range(9))
    assert service.is_closed.is_set()
    assert caplog.records == []


def test_outbox__that_stands_still_after_records_moved_is_left(caplog: pytest.LogCaptureFixture) -> None:
    is_over = threading.Event()

    class _Stuck(_Service):
        def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
            if iteration == 2:
                is_over.wait(60.0)
            super().log(iteration, metrics)

    outbox = Outbox("Service", lambda: _Stuck(0))
    for iteration in range(5):
        outbox.log(iteration, {})
    begin_s = time.perf_counter()
    outbox.close()
    is_over.set()

    assert time.perf_counter() - begin_s < 5.0
    assert "Service has not taken the last 3 records" in caplog.text
