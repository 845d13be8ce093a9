"""From a plan to running actors: waits for room, reserves it, and has RLlib make its actors there. Every wait ends."""

import logging
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ray.exceptions import RayError

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError, counted
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.messages import without_known_messages
from rl_cluster.rllib.placement.launch import launching, still_starting
from rl_cluster.rllib.placement.plan import Plan, make_plan
from rl_cluster.rllib.placement.room import Room, reserve
from rl_cluster.rllib.waiting import waiting

__all__ = ["RESTART_PATIENCE_S", "SETTLE_S", "Placement", "build", "place"]

SETTLE_S = 10.0
"""Seconds for which resources of a run that has just ended may still count as taken."""
RESTART_PATIENCE_S = 300.0
"""Seconds for which a run that has lost a node waits for another one."""
RESERVE_S = 5.0
"""Seconds for Ray to reserve room that it has reported as free."""
START_LIMIT_S = 300.0
"""Seconds for all actors to start Python, import torch, and build their networks and worlds."""
POLL_S = 0.25

AlgorithmT = TypeVar("AlgorithmT")


class _Launch:
    """How many env runners of a run are up."""

    def __init__(self, num_runners: int) -> None:
        self._num_runners, self._num_up = num_runners, 0

    def note(self, num_up: int) -> None:
        self._num_up = num_up

    def progress(self) -> str:
        """How many are up, and where the others start."""
        up = f"{self._num_up} of {self._num_runners} env runners are up" if self._num_up else ""
        return ", ".join(filter(None, (up, still_starting())))


class Placement(NamedTuple):
    """What a run's actors need, and where Ray reserves it for them."""

    plan: Plan
    room: Room


def place(config: Config, cluster: Cluster, patience_s: float = SETTLE_S) -> Placement:
    """Reserves room for a run's actors.

    Refuses at once what the whole cluster cannot hold; refuses after a wait what it cannot hold beside its other runs.

    Raises:
        ClusterError: There is not that much room.
    """
    make_plan(config, cluster.resources())
    deadline_s = time.monotonic() + patience_s
    with waiting("room on the cluster", patience_s):
        while True:
            is_late = time.monotonic() > deadline_s
            try:
                plan = make_plan(config, cluster.free_resources())
            except ClusterError:
                if is_late:
                    raise
            else:
                if room := reserve(plan, RESERVE_S):
                    return Placement(plan, room)
                if is_late:
                    raise _taken(plan)
            time.sleep(POLL_S)


def _taken(plan: Plan) -> ClusterError:
    what = f"{plan.num_cpus:g} CPUs and {plan.num_gpus:g} GPUs are free, but Ray does not give them to this run"
    return ClusterError("cluster", what, "another run may be starting: try again, or see `ray status`")


def build(placement: Placement, make: Callable[[], AlgorithmT]) -> AlgorithmT:
    """Has RLlib make an algorithm whose actors use the reserved room.

    Raises:
        ClusterError: They have not started within the limit; they are ended, and the room is given back.
    """
    plan, room = placement
    launch = _Launch(plan.num_env_runners)
    actors = f"{counted(plan.num_env_runners, 'env runner')} and {counted(plan.num_learners, 'Learner')}"
    logging.getLogger("ray.train").setLevel(logging.CRITICAL)  # it logs lost actors at length, and then raises
    with waiting(f"{actors} to start", START_LIMIT_S, room.release, launch.progress) as wait:
        try:
            with launching(room.runners, launch.note), without_known_messages():
                return make()
        except (RayError, RuntimeError) as error:
            if not wait.is_given_up:
                raise
            what = f"{actors} have not started within {START_LIMIT_S:g} s ({type(error).__name__})"
            raise ClusterError("cluster", what, "see rl-cluster doctor --address, and the logs of the nodes") from None
