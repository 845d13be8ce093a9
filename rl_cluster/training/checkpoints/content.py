"""Decides, here only, whether a run of a checkpoint's settings can have written the checkpoint's content.

The code that uses the content also gives the expected forms, without values: the network and Adam's state on torch's
device `meta`, no worlds of the run's sizes, the controllers' own types. Nothing is used, and no engine is made, before
all of it fits.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.array_form import ArrayForm
from rl_cluster.environment.tasks import saved_fault, saved_forms
from rl_cluster.learning.optimizer_form import optimizer_fault, optimizer_form
from rl_cluster.metrics.names import AGENT_STEPS_TOTAL, ELAPSED_S
from rl_cluster.sampling.network import make_model
from rl_cluster.training.checkpoints.files import ARRAYS, CONFIG, OPTIMIZER, SNAPSHOTS, STATE, WEIGHTS
from rl_cluster.training.checkpoints.stage_snapshots import StageSnapshots
from rl_cluster.training.controllers import Controllers

__all__ = ["CONTROLLERS", "COUNTERS", "Content", "Misfit", "weights_fault"]

COUNTERS = {AGENT_STEPS_TOTAL: 2.0**53, ELAPSED_S: 1e10}
"""Counter in a run's state -> its upper limit."""
CONTROLLERS = "controllers"
"""Key of the controllers' state beside the counters."""
MAX_WEIGHT = 1e6
"""The largest weight: with larger ones, products of a few layers overflow float32."""
MAX_ITERATION = 10**12 - 1
MAX_TEXT_BYTES = 1 << 20
HEADER_BYTES, ENTRY_BYTES = 1 << 14, 1 << 10
"""Room for the header of a file of tensors or arrays, and for the header of each of them."""


class Misfit(NamedTuple):
    """What does not fit."""

    file: str
    what: str


class Content:
    """The expected content of the checkpoints of a run.

    Args:
        config: The run's settings.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        with torch.device("meta"):
            model = make_model(config)
        self._weights = model.state_dict()
        is_old = config.api_stack == "old"  # it saves neither optimizer nor worlds
        self._optimizer = {} if is_old else optimizer_form(model)
        forms = {} if is_old else saved_forms(config, config.sampling.worlds_per_runner)
        num_runners = max(1, config.sampling.num_env_runners)
        self._runners = range(num_runners) if forms else range(0)
        self.arrays: dict[str, ArrayForm] = {
            f"runner{runner}/{name}": form for runner in range(num_runners) for name, form in forms.items()
        }
        """Name -> form of the worlds in flight."""

    def max_bytes(self) -> dict[str, int]:
        """File -> the most bytes that it needs."""
        weights, optimizer = _num_bytes(self._weights), _num_bytes(self._optimizer)
        num_stages = len(self._config.curriculum.stages) if self._config.curriculum else 0
        arrays = sum(_array_bytes(form) for form in self.arrays.values())
        return {
            WEIGHTS: HEADER_BYTES + weights,
            OPTIMIZER: HEADER_BYTES + optimizer,
            SNAPSHOTS: HEADER_BYTES + (num_stages + 1) * (weights + optimizer),
            ARRAYS: HEADER_BYTES + arrays,
            CONFIG: MAX_TEXT_BYTES,
            STATE: MAX_TEXT_BYTES,
        }

    def misfits(
        self,
        *,
        weights: Mapping[str, Tensor],
        optimizer: Mapping[str, Tensor],
        snapshots: Mapping[str, Tensor],
        arrays: Mapping[str, NDArray[Any]],
        iteration: int,
        state: Mapping[str, Any],
    ) -> Iterator[Misfit]:
        """Yields what does not fit among the parts of a `Checkpoint`."""
        if what := weights_fault(self._weights, weights):
            yield Misfit(WEIGHTS, what)
        if what := self._optimizer_fault(optimizer):
            yield Misfit(OPTIMIZER, what)
        if what := self._arrays_fault(arrays):
            yield Misfit(ARRAYS, what)
        if not 0 <= iteration <= MAX_ITERATION:
            yield Misfit(STATE, f"iteration {str(iteration)[:20]} is none")
        controllers = Controllers(self._config)
        if what := _counters_fault(state) or _controllers_fault(controllers, state[CONTROLLERS]):
            yield Misfit(STATE, what)
        elif what := self._snapshots_fault(snapshots, controllers.curriculum.stage):
            yield Misfit(SNAPSHOTS, what)

    def _arrays_fault(self, arrays: Mapping[str, NDArray[Any]]) -> str | None:
        for name, form in self.arrays.items():
            if what := form.fault(arrays[name]) if name in arrays else "is missing":
                return f"array {name} {what}"
        for runner in self._runners:
            prefix = f"runner{runner}/"
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            if what := saved_fault(self._config, own):
                return f"runner {runner} has {what}"
        return None

    def _optimizer_fault(self, optimizer: Mapping[str, Tensor]) -> str | None:
        """Before the first applied step the state is empty; after it the state is complete."""
        if not optimizer:
            return None
        return _form_fault("tensor", self._optimizer, optimizer) or optimizer_fault(self._config, optimizer)

    def _snapshots_fault(self, tensors: Mapping[str, Tensor], stage: int) -> str | None:
        """A run may have to go back to each earlier stage, and cannot have passed a stage that does not exist."""
        snapshots = StageSnapshots()
        try:
            snapshots.load_state_dict(tensors)
        except ValueError as error:
            return str(error)[:200]
        num_stages = len(self._config.curriculum.stages) if self._config.curriculum else 0
        if missing := set(range(1, stage)) - snapshots.stages.keys():
            return f"stage {min(missing)} is missing, to which a run in stage {stage} may have to go back"
        if unknown := snapshots.stages.keys() - set(range(1, num_stages + 1)):
            return f"stage {min(unknown)} is there, but the curriculum has {num_stages}"
        if snapshots.good and self._config.controllers.on_divergence == "none":
            return "something was held for good, but nothing goes back to it"
        kept = {f"stage {number}": parts for number, parts in snapshots.stages.items()}
        for name, parts in {**kept, **({"good": snapshots.good} if snapshots.good else {})}.items():
            what = weights_fault(self._weights, parts["weights"]) or self._optimizer_fault(parts["optimizer"])
            if what:
                return f"{name}: {what}"
        return None


def weights_fault(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str | None:
    """A description of what is wrong with weights; None = nothing is.

    Args:
        expected: The state of a network of the right form, on any device; its values are not used.
        weights: `TransformerGNN.state_dict()`.
    """
    if what := _form_fault("weight", expected, weights):
        return what
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            return f"weight {name} is not finite"
        if tensor.numel() and float(tensor.abs().max()) > _limit_of(name):
            return f"weight {name} holds a number beyond {_limit_of(name):g}"
        if name.endswith(("square_sum", "weight_sum")) and float(tensor) < 0.0:
            return f"weight {name} is negative"
    return None


def _limit_of(name: str) -> float:
    """The limit of a tensor's values. Value statistics are in units of the reward, and of its square."""
    return 1e30 if name.endswith(("mean_sum", "square_sum")) else MAX_WEIGHT


def _form_fault(kind: str, expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> str | None:
    for name in sorted(expected.keys() ^ tensors.keys()):
        known = name in expected
        return f"{kind} {name} is missing" if known else f"{kind} {name[:80]!a} is unknown to the model"
    for name, form in expected.items():
        tensor = tensors[name]
        if tensor.shape != form.shape:
            return f"{kind} {name} has shape {list(tensor.shape)}, the model's is {list(form.shape)}"
        if tensor.dtype != form.dtype:
            return f"{kind} {name} is {_dtype(tensor)}, the model's is {_dtype(form)}"
    return None


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _counters_fault(state: Mapping[str, Any]) -> str | None:
    for name in sorted({*COUNTERS, CONTROLLERS} ^ state.keys()):
        return f"{name[:80]!a} is {'unknown' if name in state else 'missing'}"
    if not isinstance(state[CONTROLLERS], dict):
        return f"{CONTROLLERS} is no mapping"
    for name, most in COUNTERS.items():
        value = state[name]
        if type(value) not in {int, float} or not 0 <= value <= most:
            return f"{name} is {str(value)[:40]!a}, not a number within 0 to {most:g}"
    return None


def _controllers_fault(controllers: Controllers, state: Any) -> str | None:
    """What is wrong with a state of the right form for the controllers."""
    try:
        controllers.load_state_dict(state)
        controllers.check()
    except (ValueError, TypeError, RecursionError) as error:
        return f"{CONTROLLERS}: {_first_line(error)}"
    return None


def _first_line(error: Exception) -> str:
    """The error in one line: for pydantic, where and what its first fault is."""
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(map(str, fault['loc']))[:80]!a}: {fault['msg']}"
    return str(error)[:200]


def _num_bytes(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() + ENTRY_BYTES for tensor in tensors.values())


def _array_bytes(form: ArrayForm) -> int:
    num_bytes = form.dtype.itemsize
    for size in form.shape:
        num_bytes *= size
    return num_bytes + ENTRY_BYTES
