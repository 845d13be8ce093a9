"""Episodes that a heuristic of task `navigate` plays."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.navigate.heuristics import HEURISTICS
from rl_cluster.environment.navigate.worlds import NavigateWorlds

MakeWorlds = Callable[..., NavigateWorlds]
DYNAMICS = ("unicycle", "double_integrator")


def play(worlds: NavigateWorlds, name: str) -> dict[str, float]:
    """Plays one episode in every world; means of the outcomes."""
    policy = HEURISTICS[name](0)
    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observe()))
    return {metric: float(values.mean()) for metric, values in worlds.outcomes(worlds.state.ended).items()}


def path(worlds: NavigateWorlds, name: str) -> NDArray[np.float64]:
    """(T, N, 2) positions of the first world's UAVs."""
    policy, positions = HEURISTICS[name](0), []
    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observe()))
        positions.append(worlds.state.uav_position_m[0].astype(np.float64))
    return np.array(positions)
