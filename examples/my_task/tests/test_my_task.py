"""The task trains, its term is in the rewards, and a checkpoint comes back with the network of its own."""

from pathlib import Path

import numpy as np
import pytest
from my_task.callback import StopEarly
from my_task.network import MyNetwork
from my_task.task import MY_TASK

import rl_cluster

TINY = {
    "engine": "local",
    "model.width": 8,
    "model.num_heads": 2,
    "sampling.worlds_per_runner": 2,
    "sampling.fragment_steps": 4,
    "ppo.minibatch_rows": 4,
    "training.iterations": 2,
    "training.evaluate_every": 0,
}


@pytest.fixture(scope="module", autouse=True)
def registered() -> None:
    """The task is known without being installed."""
    rl_cluster.register_task(MY_TASK)


def _rewards(**settings: float) -> tuple[np.ndarray, np.ndarray]:
    """Rewards (B, N) of the first decision, and by how much each UAV has turned."""
    config = rl_cluster.load_config("my_task", settings)
    worlds = rl_cluster.make_worlds(config, num_worlds=8)
    observation = worlds.reset()
    before_rad = worlds.state.uav_heading_rad.copy()
    result = worlds.advance(rl_cluster.make_heuristic("largest-first", "my_task").act(worlds, observation))
    return result.reward, np.abs(np.angle(np.exp(1j * (worlds.state.uav_heading_rad - before_rad))))


def test_reward__falls_with_each_radian() -> None:
    (without, turned_rad), (with_term, _) = _rewards(**{"reward.calm": 0.0}), _rewards(**{"reward.calm": 0.5})

    assert turned_rad.max() > 0.1
    np.testing.assert_allclose(with_term, without - 0.5 * turned_rad, atol=1e-5)


def test_run__trains_resumes_and_is_scored_with_its_own_network(tmp_path: Path) -> None:
    config = rl_cluster.load_config("my_task", TINY)

    run = rl_cluster.train(config, tmp_path / "run", callbacks=[StopEarly()])

    assert isinstance(run.policy().model, MyNetwork)
    assert run.config == config
    compared = rl_cluster.compare([run], baselines=["largest-first", "greedy"], episodes=2)
    assert list(compared.means) == ["run argmax", "largest-first", "greedy"]
