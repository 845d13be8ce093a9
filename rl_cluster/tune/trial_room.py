"""The room of a trial on the cluster: its process, and with study.engine=ray the actors of its runs.

Ray Tune reserves the place of the process; the engine of each run reserves those of its actors. No more trials begin
than fit together, so trials never wait for each other's actors.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.rllib.placement.plan import NodeResources
from rl_cluster.tune.search_space import study_of

__all__ = ["Piece", "num_at_once", "trial_pieces"]

GRAIN = 1e-9
"""Ray counts in ten thousandths; sums of such numbers round."""


class Piece(NamedTuple):
    """What one process of a trial needs, on one node."""

    what: str
    """the setting that says how large it is"""
    cpus: float
    gpus: float

    @property
    def resources(self) -> dict[str, float]:
        """In Ray's terms; Ray refuses amounts of 0."""
        return {name: amount for name, amount in (("CPU", self.cpus), ("GPU", self.gpus)) if amount}


def trial_pieces(config: Config, num_runs: int) -> list[Piece]:
    """What a trial needs: a place for its process first, then one for each actor.

    Args:
        config: Settings of the study.
        num_runs: Seeds of the trial, each of which has actors of its own.
    """
    study, sampling, learners = study_of(config), config.sampling, config.learners
    pieces = [Piece("study.cpus_per_trial", study.cpus_per_trial, study.gpus_per_trial)]
    if study.engine == "ray":
        runner = Piece("sampling.cpus_per_runner", sampling.cpus_per_runner, sampling.gpus_per_runner)
        learner = Piece("learners.cpus_per_learner", learners.cpus_per_learner, learners.gpus_per_learner)
        pieces += num_runs * (learners.num_learners * [learner] + sampling.num_env_runners * [runner])
    return pieces


def num_at_once(config: Config, num_runs: int, nodes: Sequence[NodeResources]) -> int:
    """How many trials of so many runs train at a time: as many as the study allows, and the nodes hold.

    Raises ClusterError if the nodes can never hold one, for which Tune would wait for ever.
    """
    pieces, left, number = trial_pieces(config, num_runs), list(nodes), 0
    _check_room(pieces, nodes)
    while number < study_of(config).max_concurrent and (rest := _without(pieces, left)):
        left, number = rest, number + 1
    return number


def _check_room(pieces: Sequence[Piece], nodes: Sequence[NodeResources]) -> None:
    for piece in dict.fromkeys(pieces):
        _check_piece(piece, nodes)
    if _without(pieces, nodes) is None:
        cpus, gpus = sum(piece.cpus for piece in pieces), sum(piece.gpus for piece in pieces)
        room = f"{sum(node.cpus for node in nodes):g} CPUs and {sum(node.gpus for node in nodes):g} GPUs"
        needs = f"a trial needs {cpus:g} CPUs and {gpus:g} GPUs in {len(pieces)} pieces"
        what = f"{needs}, and the nodes with {room} do not hold them"
        raise ClusterError("study", what, "lower study.num_seeds or sampling.num_env_runners, or add nodes")


def _check_piece(piece: Piece, nodes: Sequence[NodeResources]) -> None:
    gpu_key = piece.what.replace("cpus", "gpus")
    asked: Mapping[str, float] = {piece.what: piece.cpus, gpu_key: piece.gpus}
    for key, most, kind in (
        (piece.what, max((node.cpus for node in nodes), default=0.0), "CPUs"),
        (gpu_key, max((node.gpus for node in nodes), default=0.0), "GPUs"),
    ):
        if asked[key] > most:
            what = f"no node has more than {most:g} {kind}"
            raise ClusterError(f"{key}={asked[key]:g}", what, "lower it, or add a larger node")
    if not any(_holds(node, piece) for node in nodes):
        where = ", ".join(f"{key}={amount:g}" for key, amount in asked.items())
        raise ClusterError(where, "no node has both", "lower one of them, or add a larger node")


def _without(pieces: Sequence[Piece], nodes: Sequence[NodeResources]) -> list[NodeResources] | None:
    """What is left of the nodes beside the pieces, the largest placed first; None if they do not fit."""
    left = list(nodes)
    for piece in sorted(pieces, key=lambda one: (one.gpus, one.cpus), reverse=True):
        index = next((index for index, node in enumerate(left) if _holds(node, piece)), None)
        if index is None:
            return None
        node = left[index]
        left[index] = node._replace(cpus=node.cpus - piece.cpus, gpus=node.gpus - piece.gpus)
    return left


def _holds(node: NodeResources, piece: Piece) -> bool:
    return piece.cpus <= node.cpus + GRAIN and piece.gpus <= node.gpus + GRAIN
