"""The engine that runs iterations on Ray: connection, plan, algorithm, state.

`training/loop.py` drives it as an `Engine`. State goes in and out as plain arrays for
`training/checkpoints/checkpoint.py`. RLlib's own checkpoints are pickles; they are never written or read.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from ray.exceptions import RayActorError
from ray.rllib.callbacks.callbacks import RLlibCallback

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import expect_kernels
from rl_cluster.errors import ClusterError
from rl_cluster.metrics.node import node_metrics
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.rllib.algorithm import RECORD, SwarmAlgorithm
from rl_cluster.rllib.algorithm_config import make_algorithm_config
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.engine_state import load_state, model_of, state_of
from rl_cluster.rllib.node_monitor import NodeMonitors
from rl_cluster.rllib.placement.draining import leaving
from rl_cluster.rllib.placement.elastic import has_room_for_all, place_again, with_learners
from rl_cluster.rllib.placement.object_store import check_object_store
from rl_cluster.rllib.placement.place import SETTLE_S, build, place
from rl_cluster.rllib.placement.plan import Plan
from rl_cluster.training.engine import EngineLost, EngineState, EngineStatus
from rl_cluster.training.local_engine import check_own_gpus
from rl_cluster.types import Controls

__all__ = ["RayEngine"]

REJOIN_PAUSE_S = 300.0
"""Seconds before a run that has moved to get all of its Learners looks for room for more again."""


class RayEngine:
    """Runs iterations on a Ray cluster.

    Args:
        config: the run.
        address: HOST:PORT, `auto`, `local`, or None for RAY_ADDRESS or else a Ray of our own; see `cluster.connect`.
        callbacks: classes whose hooks are called in the trainer's process and in the env runners.
        watches_nodes: whether an actor on each node reads it.
        patience_s: seconds to wait for room that others have.

    Raises:
        ClusterError: the address does not answer, the cluster cannot hold the run, its actors do not start in time, or
            this process is to update on a GPU that it does not have.
        ConfigError: a callbacks class overrides a hook that is never called.
    """

    def __init__(
        self,
        config: Config,
        address: str | None = None,
        callbacks: Sequence[type[RLlibCallback]] = (),
        *,
        watches_nodes: bool = True,
        patience_s: float = SETTLE_S,
    ) -> None:
        self.config = config
        if not config.learners.num_learners:
            check_own_gpus(config)
        self._callbacks = callbacks
        self._expects_all, self._asks_again_s = False, 0.0
        self._algorithm_config = make_algorithm_config(config, callbacks)
        self._status = EngineStatus()
        with ExitStack() as ending:
            self.cluster = ending.enter_context(connect(address))
            logging.getLogger("ray.rllib").setLevel(logging.ERROR)  # its import has set it to WARNING
            check_object_store(config, self.cluster.object_store_bytes())
            self._placement = place(config, self.cluster, patience_s)
            ending.callback(self._release)
            if self.cluster.is_own:
                expect_kernels(config)
            try:
                self.algorithm = build(self._placement, self._make_algorithm)
            except RayActorError as error:
                raise _lost_at_start(error) from None
            ending.callback(self._stop)
            self._nodes = NodeMonitors(config.name, config.monitoring.node_interval_s) if watches_nodes else None
            if self._nodes:
                ending.callback(self._nodes.close)
            self._ending = ending.pop_all()

    @property
    def plan(self) -> Plan:
        """What the run requests from the cluster."""
        return self._placement.plan

    def _make_algorithm(self) -> SwarmAlgorithm:
        config = self._algorithm_config.copy(copy_frozen=False)
        config.learner_room = self._placement.room.learners
        return SwarmAlgorithm(config=config)

    def _stop(self) -> None:
        self.algorithm.stop()

    def _release(self) -> None:
        self._placement.room.release()

    def restart(self) -> None:
        """Ends all actors and makes new ones, once the cluster has room for them, or for fewer Learners.

        Raises:
            EngineLost: One of the new actors is already lost.
            ClusterError: The cluster has had no room for some minutes.
        """
        self.algorithm.learners.kill()
        self._stop()
        self._release()
        self._placement = place_again(self.config, self.cluster)
        self._asks_again_s = time.monotonic() + (REJOIN_PAUSE_S if self._expects_all else 0.0)
        self._expects_all = False
        self._algorithm_config = make_algorithm_config(with_learners(self.config, self._num_learners), self._callbacks)
        try:
            self.algorithm = build(self._placement, self._make_algorithm)
        except RayActorError as error:
            raise EngineLost(f"an actor of the restarted run is lost ({type(error).__name__})") from error

    def iterate(self, iteration: int, controls: Controls) -> dict[str, float]:
        """Runs one round of sampling and updating. An iteration without samples raises, and never counts."""
        self.algorithm._iteration = iteration  # noqa: SLF001 - Trainable sets it from its own checkpoints only
        self.algorithm.controls = controls
        record: dict[str, float] = self.algorithm.train()[RECORD]
        nodes = self._nodes.readings() if self._nodes else ()
        self._status = EngineStatus(nodes, self.algorithm.runner_reports, self._leaving())
        return record | node_metrics(self._status.nodes)

    @property
    def _num_learners(self) -> int:
        return self.plan.num_learners

    def _leaving(self) -> str | None:
        """Why the run should be restarted on other nodes; None = it can stay."""
        if why := leaving(self._placement.room):
            return why
        is_time = time.monotonic() >= self._asks_again_s
        if is_time and has_room_for_all(self.config, self.cluster, self._num_learners):
            self._expects_all = True
            return f"there is room for all {self.config.learners.num_learners} Learners again"
        return None

    def status(self) -> EngineStatus:
        """The nodes that have reported, and the env runners of the last iteration."""
        return self._status

    def tell(self, status: dict[str, Any]) -> None:
        """Leaves the status with a node's monitor."""
        if self._nodes:
            self._nodes.tell(status)

    def model(self) -> TransformerGNN:
        """A copy of the network with the current weights, on the CPU."""
        return model_of(self.config, self.algorithm.learners)

    def state(self) -> EngineState:
        """Copies of weights, optimizer, and the worlds of all env runners."""
        return state_of(self.algorithm.learners, self.algorithm.runners)

    def load_state(self, state: EngineState) -> None:
        """Puts weights, optimizer and worlds back; env runners get the weights before their next sample."""
        self.algorithm.discard_samples()
        load_state(state, self.algorithm.learners, self.algorithm.runners)

    def close(self) -> None:
        """Ends the actors, the connection, and Ray itself if this engine started it."""
        self._ending.close()


def _lost_at_start(error: RayActorError) -> ClusterError:
    what = f"an actor of the run was lost while it started ({type(error).__name__})"
    return ClusterError("cluster", what, "see rl-cluster doctor --address, and the logs of the nodes")
