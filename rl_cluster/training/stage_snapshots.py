"""Weights and optimizer as they were when a stage of the curriculum was passed: where a fallback goes back to.

They are part of the run's checkpoints, so a run that is resumed, or a trial that goes on from another one's checkpoint,
can fall back as if it had passed the stages itself.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from rl_cluster.training.engine import EngineState

__all__ = ["StageSnapshots"]

PARTS = ("weights", "optimizer")
KEY = re.compile(rf"stage(?P<stage>[1-9][0-9]{{0,3}})/(?P<part>{'|'.join(PARTS)})/(?P<name>.+)")


class StageSnapshots:
    """Stage, from 1 -> what the run had learnt when it passed that."""

    def __init__(self) -> None:
        self._stages: dict[int, dict[str, dict[str, Tensor]]] = {}

    @property
    def stages(self) -> Mapping[int, Mapping[str, Mapping[str, Tensor]]]:
        """Stage, from 1 -> part -> name -> tensor."""
        return self._stages

    def take(self, stage: int, state: EngineState) -> None:
        """Keeps a stage's, in place of a former one."""
        self._stages[stage] = {"weights": state.weights, "optimizer": state.optimizer}

    def restore(self, stage: int, state: EngineState) -> EngineState:
        """The state with a stage's weights and optimizer; worlds in flight stay. Raises KeyError if there is none."""
        kept = self._stages[stage]
        return state._replace(weights=kept["weights"], optimizer=kept["optimizer"])

    def state_dict(self) -> dict[str, Tensor]:
        """Names like 'stage2/weights/encoder.weight' -> tensor."""
        return {
            f"stage{stage}/{part}/{name}": tensor
            for stage, parts in self._stages.items()
            for part, tensors in parts.items()
            for name, tensor in tensors.items()
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what `state_dict` gave. Raises ValueError if a name is none of that kind."""
        self._stages = {}
        for key, tensor in tensors.items():
            match = KEY.fullmatch(key)
            if not match:
                raise ValueError(f"{key[:80]!a} is no part of a stage")
            parts = self._stages.setdefault(int(match["stage"]), {known: {} for known in PARTS})
            parts[match["part"]][match["name"]] = tensor
