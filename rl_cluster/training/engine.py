"""The protocol of what runs an iteration: `loop.py` drives it, whatever the engine runs on.

`local_engine.py` is the reference for correctness and the upper limit of speed; the ring has other engines.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray
from torch import Tensor

from rl_cluster.metrics.monitor import RunnerReport
from rl_cluster.metrics.node import NodeReading
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Controls

__all__ = ["Engine", "EngineLeaves", "EngineLost", "EngineState", "EngineStatus"]


class EngineState(NamedTuple):
    """Everything that an engine needs in order to continue as if it had never stopped."""

    weights: dict[str, Tensor]
    """`TransformerGNN.state_dict()`, value statistics included"""
    optimizer: dict[str, Tensor]
    """`Updater.state_dict()`"""
    arrays: dict[str, NDArray[Any]]
    """worlds in flight: names 'runner0/...'"""


class EngineStatus(NamedTuple):
    """What an engine runs on, as last reported."""

    nodes: Sequence[NodeReading] = ()
    runners: Sequence[RunnerReport] = ()
    """reports of the last iteration"""
    leaving: str | None = None
    """why its parts should move to other nodes soon; None = they can stay"""


class EngineLost(Exception):  # noqa: N818  an event, which the loop answers with a restart
    """A part of the engine is gone, and its state with it. A restarted engine can continue from a checkpoint."""


class EngineLeaves(Exception):  # noqa: N818  an event, which the loop answers with a restart elsewhere
    """The engine's nodes are about to go, and the run is saved."""


class Engine(Protocol):
    """Runs iterations. Every method may raise EngineLost."""

    def iterate(self, iteration: int, controls: Controls) -> dict[str, float]:
        """Samples and updates; returns the iteration's metrics by the names of `metrics/names.py`."""

    def model(self) -> TransformerGNN:
        """The network with the current weights, on the CPU or the Learner's device."""

    def state(self) -> EngineState:
        """Copies of all state."""

    def load_state(self, state: EngineState) -> None:
        """Continues from a state."""

    def status(self) -> EngineStatus:
        """Nodes and env runners, without waiting for any of them."""

    def tell(self, status: dict[str, Any]) -> None:
        """Publishes the run's status (`training/files/status.py`) where all who connect to its cluster find it."""

    def restart(self) -> None:
        """Starts again, untrained, with all of its parts in place. Raises ClusterError if it cannot."""

    def close(self) -> None:
        """Ends everything that the engine started."""
