"""What a run requests from a Ray cluster, where it runs, and whether it fits, decided before any actor starts.

This is plain arithmetic on resources, without Ray: `rllib/cluster.py` reads them from the nodes, and `room.py` has Ray
reserve what is planned. Ray never splits an actor over nodes, so the actors are placed one by one. The trainer's
process requests nothing from Ray: it updates the weights while the env runners wait for them, or waits itself.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError

__all__ = ["NodeResources", "Plan", "make_plan"]

GRAIN = 1e-4
"""Ray counts resources in steps of one ten-thousandth."""


class NodeResources(NamedTuple):
    """The resources that one node has, or has free."""

    cpus: float
    gpus: float = 0.0
    node_id: str = ""
    """Amount by Ray's name of the resource."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The actors of a run, what each requests, and the rows that they make and use."""

    num_env_runners: int
    """Remote env runners; 0 = the trainer's process samples"""
    cpus_per_runner: float
    gpus_per_runner: float
    num_learners: int
    """Remote Learners; 0 = the trainer's process updates"""
    cpus_per_learner: float
    gpus_per_learner: float
    fragment_rows: int
    """Graphs that one env runner makes in an iteration"""
    train_batch_rows: int
    """Graphs of an iteration's batch"""
    learner_nodes: tuple[str, ...] = ()
    """Ids of the Learners' nodes; env runners are all alike, so they then fit wherever Ray puts them"""

    @property
    def num_cpus(self) -> float:
        """CPUs of all actors together."""
        return self.num_env_runners * self.cpus_per_runner + self.num_learners * self.cpus_per_learner

    @property
    def num_gpus(self) -> float:
        """GPUs of all actors together."""
        return self.num_env_runners * self.gpus_per_runner + self.num_learners * self.gpus_per_learner


def make_plan(config: Config, nodes: Sequence[NodeResources]) -> Plan:
    """The plan of a run on nodes with these free resources.

    Raises:
        ClusterError: the nodes cannot hold the Learners, or not all env runners beside them.
    """
    sampling, learners = config.sampling, config.learners
    plan = Plan(
        num_env_runners=sampling.num_env_runners,
        cpus_per_runner=sampling.cpus_per_runner,
        gpus_per_runner=sampling.gpus_per_runner,
        num_learners=learners.num_learners,
        cpus_per_learner=learners.cpus_per_learner,
        gpus_per_learner=learners.gpus_per_learner,
        fragment_rows=sampling.worlds_per_runner * sampling.fragment_steps,
        train_batch_rows=config.train_batch_rows,
    )
    left, learner_nodes = _with_learners(plan, nodes)
    room = _num_runners(plan, left)
    if room < plan.num_env_runners:
        raise _too_small(plan, nodes, room)
    return replace(plan, learner_nodes=learner_nodes)


def _with_learners(plan: Plan, nodes: Sequence[NodeResources]) -> tuple[list[NodeResources], tuple[str, ...]]:
    """Places each Learner where it takes the least room from env runners; returns what is left, and the nodes' ids."""
    left, chosen = list(nodes), list[str]()
    for placed in range(plan.num_learners):
        holding = [index for index, node in enumerate(left) if _holds_learner(plan, node)]
        if not holding:
            raise _no_room_for_learner(plan, nodes) if placed == 0 else _too_many_learners(plan, placed)
        choices = {index: _with_learner(plan, left, index) for index in holding}
        best = max(holding, key=lambda index: _num_runners(plan, choices[index]))
        left = choices[best]
        chosen.append(nodes[best].node_id)
    return left, tuple(chosen)


def _room_for_runners(plan: Plan, nodes: Sequence[NodeResources]) -> int:
    """How many env runners fit beside the Learners."""
    return _num_runners(plan, _with_learners(plan, nodes)[0])


def _holds_learner(plan: Plan, node: NodeResources) -> bool:
    return plan.cpus_per_learner <= node.cpus + GRAIN and plan.gpus_per_learner <= node.gpus + GRAIN


def _with_learner(plan: Plan, nodes: list[NodeResources], index: int) -> list[NodeResources]:
    """The free resources of the nodes if one of them holds a Learner."""
    node = nodes[index]
    rest = node._replace(cpus=node.cpus - plan.cpus_per_learner, gpus=node.gpus - plan.gpus_per_learner)
    return [*nodes[:index], rest, *nodes[index + 1 :]]


def _num_runners(plan: Plan, nodes: Sequence[NodeResources]) -> int:
    return sum(
        min(_num_fitting(node.cpus, plan.cpus_per_runner), _num_fitting(node.gpus, plan.gpus_per_runner))
        for node in nodes
    )


def _num_fitting(available: float, each: float) -> int:
    return max(0, math.floor((available + GRAIN) / each)) if each else sys.maxsize


def _no_room_for_learner(plan: Plan, nodes: Sequence[NodeResources]) -> ClusterError:
    most_gpus = max((node.gpus for node in nodes), default=0.0)
    if plan.gpus_per_learner > most_gpus + GRAIN:
        return ClusterError(
            "cluster",
            f"the Learner needed {plan.gpus_per_learner:g} GPUs on one node, available {most_gpus:g}",
            "set learners.gpus_per_learner=0 to train on the CPU, or start a node with a free GPU",
        )
    most_cpus = max((node.cpus for node in nodes if node.gpus + GRAIN >= plan.gpus_per_learner), default=0.0)
    smaller = f"learners.cpus_per_learner={most_cpus:g} or " if most_cpus > 0 else ""
    return ClusterError(
        "cluster",
        f"the Learner needed {plan.cpus_per_learner:g} CPUs on one node, available {most_cpus:g}",
        f"set {smaller}learners.num_learners=0, which trains in the trainer's process",
    )


def _too_many_learners(plan: Plan, placed: int) -> ClusterError:
    each = f"{plan.cpus_per_learner:g} CPUs and {plan.gpus_per_learner:g} GPUs each"
    return ClusterError(
        "cluster",
        f"{plan.num_learners} Learners needed {each}, and the nodes hold {placed}",
        f"set learners.num_learners={placed}, or add nodes",
    )


def _too_small(plan: Plan, nodes: Sequence[NodeResources], room: int) -> ClusterError:
    if _room_for_runners(replace(plan, gpus_per_runner=0.0), nodes) >= plan.num_env_runners:
        what = f"needed {plan.num_gpus:g} GPUs, available {sum(node.gpus for node in nodes):g}"
        remedy = f"set sampling.num_env_runners={room} or a smaller sampling.gpus_per_runner, or add nodes"
        return ClusterError("cluster", what, remedy)
    free_cpus = sum(node.cpus for node in nodes)
    what = f"needed {plan.num_cpus:.1f} CPUs, available {free_cpus:g}"
    if plan.num_cpus <= free_cpus:
        what += f" in pieces that hold {room} env runners of {plan.cpus_per_runner:g} CPUs"
    remedies = [f"sampling.num_env_runners={room}"]
    share = _largest_share(plan, nodes)
    if share > 0:
        remedies.insert(0, f"sampling.cpus_per_runner={share:g}")
    return ClusterError("cluster", what, f"set {' or '.join(remedies)}, or add nodes")


def _largest_share(plan: Plan, nodes: Sequence[NodeResources]) -> float:
    """The most CPUs per env runner, in hundredths, at which all of them fit; 0 if not even a hundredth does."""
    for hundredths in range(math.floor(plan.cpus_per_runner * 100), 0, -1):
        smaller = replace(plan, cpus_per_runner=hundredths / 100)
        if _room_for_runners(smaller, nodes) >= plan.num_env_runners:
            return smaller.cpus_per_runner
    return 0.0
