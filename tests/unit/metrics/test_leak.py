"""A tensor that is hoarded raises the slope; noise and jumps do not."""

import numpy as np
import torch

from rl_cluster.metrics.alerts import Alerts
from rl_cluster.metrics.leak import EVERY, WINDOW, LeakWatch

SLOPE, LOW, HIGH = (f"memory/leak_{name}bytes_per_iteration" for name in ("", "low_", "high_"))
MIB = 1 << 20


def test_leak__is_the_slope_of_tensors_that_are_kept() -> None:
    watch, hoard = LeakWatch(), []
    for iteration in range(1, WINDOW + 1):
        hoard.append(torch.zeros(2 * MIB, dtype=torch.uint8))
        noise = np.random.default_rng(iteration).normal(0.0, MIB / 4)
        metrics = watch.note(1e9 + sum(tensor.nbytes for tensor in hoard) + noise)

    assert abs(metrics[SLOPE] / (2 * MIB) - 1.0) < 0.05
    assert metrics[LOW] <= metrics[SLOPE] <= metrics[HIGH]
    alerts = Alerts()
    told = [alerts.note(metrics) for _ in range(16)]
    assert told[:-1] == [[]] * 15
    assert told[-1][0].words.startswith(f"alert: {LOW}")


def test_leak__is_no_alarm_where_an_allocator_warms_up() -> None:
    """Resident memory of a run on a CPU: it grows for 75 iterations, and then stops."""
    watch, alerts, random = LeakWatch(), Alerts(), np.random.default_rng(0)
    for iteration in range(500):
        used = 1e9 + 3 * MIB * min(iteration, 75) + random.normal(0.0, 4 * MIB)
        assert alerts.note(watch.note(used)) == []


def test_leak__is_none_where_memory_jumps_and_stays() -> None:
    watch, random = LeakWatch(), np.random.default_rng(0)
    for iteration in range(2 * WINDOW):
        metrics = watch.note(1e9 + (500 * MIB if iteration >= WINDOW else 0) + random.normal(0.0, 4 * MIB))

    assert metrics[LOW] < 0.0 < metrics[HIGH]
    assert Alerts().note(metrics) == []


def test_leak__is_told_once_the_window_is_full_and_at_its_interval() -> None:
    watch = LeakWatch()
    told = [bool(watch.note(0.0)) for _ in range(2 * WINDOW)]

    assert [number + 1 for number, is_told in enumerate(told) if is_told] == list(range(WINDOW, 2 * WINDOW + 1, EVERY))
