"""What a trial needs on the nodes, how many of them fit, and which never do."""

from collections.abc import Callable

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.rllib.placement.plan import NodeResources
from rl_cluster.tune.trial_room import num_at_once, trial_pieces

ACTORS = ["study.engine=ray", "sampling.num_env_runners=2", "sampling.cpus_per_runner=1", "learners.num_learners=1"]


def test_trial_that_no_node_can_hold__is_refused(study_config: Callable[..., Config]) -> None:
    nodes = [NodeResources(2.0, 0.0), NodeResources(1.0, 1.0)]
    num_at_once(study_config("study.cpus_per_trial=2"), 1, nodes)
    num_at_once(study_config("study.cpus_per_trial=1", "study.gpus_per_trial=1"), 1, nodes)
    for overrides, message in (
        (["study.cpus_per_trial=1000"], r"cpus_per_trial=1000: no node has more than 2 CPUs; lower it, or add"),
        (["study.cpus_per_trial=2", "study.gpus_per_trial=0.5"], r"no node has both; lower one of them"),
    ):
        with pytest.raises(ClusterError, match=message):
            num_at_once(study_config(*overrides), 1, nodes)
    with pytest.raises(ClusterError, match="no node has more than 0 GPUs"):
        num_at_once(study_config("study.gpus_per_trial=0.5"), 1, nodes[:1])


def test_trial_with_actors__reserves_a_place_for_each_of_each_seed(study_config: Callable[..., Config]) -> None:
    config = study_config(*ACTORS, "learners.cpus_per_learner=0.25", "learners.gpus_per_learner=0.5")
    process, learner, runner = {"CPU": 0.5}, {"CPU": 0.25, "GPU": 0.5}, {"CPU": 1.0}
    pieces = [piece.resources for piece in trial_pieces(config, 2)]
    assert pieces == [process, learner, runner, runner, learner, runner, runner]
    assert [piece.resources for piece in trial_pieces(study_config(), 2)] == [process]


def test_trials__train_at_a_time_as_the_nodes_hold(study_config: Callable[..., Config]) -> None:
    few = [*ACTORS, "study.max_concurrent=3"]  # 3.5 CPUs for one seed
    assert num_at_once(study_config(*few), 1, [NodeResources(4.0, 0.0)]) == 1
    assert num_at_once(study_config(*few), 1, [NodeResources(4.0, 0.0), NodeResources(3.0, 0.0)]) == 2
    assert num_at_once(study_config(*few), 1, 9 * [NodeResources(4.0, 0.0)]) == 3
    # 7 CPUs are there, but not in pieces of one
    halves = 14 * [NodeResources(0.5, 0.0)]
    with pytest.raises(ClusterError, match=r"cpus_per_learner=1: no node has more than 0.5 CPUs; lower it"):
        num_at_once(study_config(*few), 1, halves)
    with pytest.raises(
        ClusterError, match=r"needs 6.5 CPUs and 0 GPUs in 7 pieces, and the nodes with 4 CPUs and 0 GP"
    ):
        num_at_once(study_config(*ACTORS), 2, [NodeResources(4.0, 0.0)])
