"""Legal controls whatever the batch, the weakest heuristic first, and nobody in the way."""

import numpy as np
import pytest

from rl_cluster.environment.navigate.heuristics import HEURISTICS
from tests.unit.environment.navigate.heuristics.played import DYNAMICS, MakeWorlds, play


@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("name", list(HEURISTICS))
def test_heuristic__gives_legal_controls_whatever_the_batch(generated: MakeWorlds, name: str, dynamics: str) -> None:
    whole = generated(12, world__dynamics=dynamics)
    part = generated(3, first_world=4, world__dynamics=dynamics)
    policy, part_policy = HEURISTICS[name](3), HEURISTICS[name](3)
    assert policy.name == name
    for _ in range(40):
        controls, part_controls = policy.act(whole, whole.observe()), part_policy.act(part, part.observe())
        assert controls.dtype == np.float32
        assert controls.shape == whole.state.uav_goal_m.shape
        assert np.abs(controls).max() <= 1.0
        np.testing.assert_array_equal(controls[4:7], part_controls)
        whole.step(controls)
        part.step(part_controls)


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_heuristics__stand_weakest_first(generated: MakeWorlds, dynamics: str) -> None:
    scores = [play(generated(40, world__dynamics=dynamics), name)["success_rate"] for name in HEURISTICS]
    assert scores == sorted(scores)
    assert scores[0] < 0.2
    assert scores[-1] > 0.9


@pytest.mark.parametrize("name", ["straight", "orca"])
def test_alone__flies_straight(given: MakeWorlds, name: str) -> None:
    outcomes = play(given([(300.0, 300.0, 0.0, 500.0, 300.0)]), name)
    assert outcomes["success_rate"] == 1.0
    # 20 m/s after 2.5 s and 25 m; it arrives 6 m before the goal, and brakes there
    assert 194.0 / 20.0 < outcomes["makespan_s"] < 15.0
    assert outcomes["path_m_per_uav"] < 201.0
