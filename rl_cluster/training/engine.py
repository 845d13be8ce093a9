"""What runs an iteration: the protocol that `loop.py` drives, whatever the engine runs on.

`local_engine.py` is the reference for correctness and the limit for speed; the ring has others.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray
from torch import Tensor

from rl_cluster.metrics.monitor import RunnerReport
from rl_cluster.metrics.node import NodeReading
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Controls

__all__ = ["Engine", "EngineLost", "EngineState", "EngineStatus"]


class EngineState(NamedTuple):
    """All that an engine needs to go on as if it had never stopped."""

    weights: dict[str, Tensor]
    """`TransformerGNN.state_dict()`, value statistics included"""
    optimizer: dict[str, Tensor]
    """`Updater.state_dict()`"""
    arrays: dict[str, NDArray[Any]]
    """worlds in flight: names 'runner0/...'"""


class EngineStatus(NamedTuple):
    """What an engine runs on, as far as it has heard."""

    nodes: Sequence[NodeReading] = ()
    runners: Sequence[RunnerReport] = ()
    """of the last iteration"""


class EngineLost(Exception):  # noqa: N818  an event, which the loop answers with a restart
    """A part of the engine is gone, and with it the state; a restarted engine can go on from a checkpoint."""


class Engine(Protocol):
    """Runs iterations. Whatever it is asked may raise EngineLost."""

    def iterate(self, iteration: int, controls: Controls) -> dict[str, float]:
        """Samples, updates, and returns the iteration's metrics by the names of `metrics/names.py`."""

    def model(self) -> TransformerGNN:
        """The network with the current weights, on the CPU or the Learner's device."""

    def state(self) -> EngineState:
        """Copies of all state."""

    def load_state(self, state: EngineState) -> None:
        """Goes on from a state."""

    def status(self) -> EngineStatus:
        """Nodes and env runners, without waiting for any of them."""

    def tell(self, status: dict[str, Any]) -> None:
        """Leaves word of the run (`training/files/status.py`) where whoever connects to its cluster finds it."""

    def restart(self) -> None:
        """Begins anew, untrained, with parts of its own that are all there. Raises ClusterError if it cannot."""

    def close(self) -> None:
        """Ends whatever the engine started."""
