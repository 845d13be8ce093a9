"""Weights and optimizer that a run may go back to: those of passed stages, and the last good ones.

A fallback of the curriculum goes back to a stage, a diverging run to its last good state. Snapshots are part of the
run's checkpoints, so a resumed run, or a trial that continues from another trial's checkpoint, can go back as if it had
got there itself.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from rl_cluster.training.engine import EngineState

__all__ = ["StageSnapshots"]

PARTS = ("weights", "optimizer")
KEY = re.compile(rf"(?P<kept>good|stage[1-9][0-9]{{0,3}})/(?P<part>{'|'.join(PARTS)})/(?P<name>.+)")
GOOD, _STAGE = "good", "stage"


class StageSnapshots:
    """Stage, from 1 -> what the run had learnt when it passed that stage; also the last good state."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, dict[str, Tensor]]] = {}

    @property
    def stages(self) -> Mapping[int, Mapping[str, Mapping[str, Tensor]]]:
        """Stage, from 1 -> part -> name -> tensor."""
        return {int(name.removeprefix(_STAGE)): parts for name, parts in self._kept.items() if name != GOOD}

    @property
    def good(self) -> Mapping[str, Mapping[str, Tensor]] | None:
        """The last good state: part -> name -> tensor; None = there is none."""
        return self._kept.get(GOOD)

    def take(self, stage: int, state: EngineState) -> None:
        """Keeps a stage's snapshot, and replaces an earlier one."""
        self._keep(_name(stage), state)

    def take_good(self, state: EngineState) -> None:
        """Keeps a good state, and replaces an earlier one, unless some of its numbers are not finite."""
        tensors = (*state.weights.values(), *state.optimizer.values())
        if all(bool(tensor.isfinite().all()) for tensor in tensors):
            self._keep(GOOD, state)

    def _keep(self, name: str, state: EngineState) -> None:
        self._kept[name] = {"weights": state.weights, "optimizer": state.optimizer}

    def restore(self, stage: int, state: EngineState) -> EngineState:
        """The state with a stage's weights and optimizer; worlds in flight stay. Raises KeyError if there is none."""
        return self._put(_name(stage), state)

    def restore_good(self, state: EngineState) -> EngineState:
        """The state with the last good weights and optimizer; worlds in flight stay. Raises KeyError without any."""
        return self._put(GOOD, state)

    def _put(self, name: str, state: EngineState) -> EngineState:
        kept = self._kept[name]
        return state._replace(weights=kept["weights"], optimizer=kept["optimizer"])

    def state_dict(self) -> dict[str, Tensor]:
        """Names like 'stage2/weights/encoder.weight' or 'good/weights/encoder.weight' -> tensor."""
        return {
            f"{kept}/{part}/{name}": tensor
            for kept, parts in self._kept.items()
            for part, tensors in parts.items()
            for name, tensor in tensors.items()
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes back what `state_dict` gave. Raises ValueError if a name is not of that form."""
        self._kept = {}
        for key, tensor in tensors.items():
            match = KEY.fullmatch(key)
            if not match:
                raise ValueError(f"{key[:80]!a} is no part of a stage")
            parts = self._kept.setdefault(match["kept"], {known: {} for known in PARTS})
            parts[match["part"]][match["name"]] = tensor


def _name(stage: int) -> str:
    return f"{_STAGE}{stage}"
