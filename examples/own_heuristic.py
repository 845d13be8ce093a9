"""A heuristic of your own, scored beside two that come with the package.

The command line plays it, too: `rl-cluster evaluate --policy own_heuristic:LargestFirst` in this folder.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import rl_cluster


class LargestFirst:
    """Each UAV flies to the candidate that lacks most, whatever the others do."""

    name = "largest-first"
    is_deterministic = True

    def act(self, worlds: Any, observation: Any) -> NDArray[np.int16]:
        """Actions (B, N): 0 waits, c + 1 flies to candidate c."""
        lacking = worlds.state.target_remaining.sum(axis=2)[:, None, :]  # (B, 1, M)
        wanted = np.take_along_axis(lacking, np.maximum(observation.candidates, 0), axis=2)  # (B, N, C)
        score = np.concatenate([np.zeros_like(wanted[:, :, :1]), wanted], axis=2)  # waiting is worth nothing
        actions: NDArray[np.int16] = np.where(observation.action_mask, score, -1.0).argmax(axis=2).astype(np.int16)
        return actions


if __name__ == "__main__":
    config = rl_cluster.load_config("debug")
    scores = rl_cluster.compare([LargestFirst()], config, baselines=["greedy", "complete-first"], episodes=20)
    for name, intervals in scores.differences["largest-first"].items():
        satisfied = [metric.name for metric in scores.metrics].index("satisfied_rate")
        print(f"satisfied, largest-first minus {name}: {intervals.mean[satisfied]:+.3f}")
