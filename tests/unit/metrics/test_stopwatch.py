"""Laps leave no time out, and count none twice."""

import time

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.metrics.stopwatch import Stopwatch
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout


def test_laps__add_up_to_the_time_that_has_passed() -> None:
    begin_s = time.perf_counter()
    stopwatch = Stopwatch()
    for number in range(100):
        stopwatch.lap("even" if number % 2 == 0 else "odd")
    passed_s = time.perf_counter() - begin_s

    assert stopwatch.seconds.keys() == {"even", "odd"}
    assert 0.0 < sum(stopwatch.seconds.values()) <= passed_s


@pytest.mark.slow
def test_rollout__tells_all_of_its_time(tiny: Config) -> None:
    rollout = make_rollout(tiny, 0, make_model(tiny))
    rollout.sample(2)
    begin_s = time.perf_counter()
    fragment = rollout.sample(300)  # long, so that a pause at its ends weighs little
    passed_s = time.perf_counter() - begin_s

    assert fragment.seconds.keys() == {"env", "inference", "connector"}
    assert sum(fragment.seconds.values()) == pytest.approx(passed_s, rel=0.1)
