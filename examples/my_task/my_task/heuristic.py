"""A heuristic of your own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class LargestFirst:
    """Each UAV flies to the candidate that lacks most, whatever the others do."""

    name = "largest-first"
    is_deterministic = True

    def act(self, worlds: Any, observation: Any) -> NDArray[np.int16]:
        """Actions (B, N): 0 waits, c + 1 flies to candidate c."""
        lacking = worlds.state.target_remaining.sum(axis=2)[:, None, :]
        wanted = np.take_along_axis(lacking, np.maximum(observation.candidates, 0), axis=2)
        score = np.concatenate([np.zeros_like(wanted[:, :, :1]), wanted], axis=2)
        actions: NDArray[np.int16] = np.where(observation.action_mask, score, -1.0).argmax(axis=2).astype(np.int16)
        return actions
