"""Columns wait where they were made, Learners fetch their shares, and what is lost is named."""

import numpy as np
import pytest
import ray
import ray.cluster_utils
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rl_cluster.config.schema import Config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.env_runner import RunnerFragment
from rl_cluster.rllib.ticket import Ticket, divide, fetch
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout

COLUMNS = ("action", "logp", "reward", "next_value")


@pytest.fixture(scope="module")
def sampled(tiny: Config) -> list[RunnerFragment]:
    """Two runners of two worlds."""
    model = make_model(tiny)
    return [RunnerFragment(runner, make_rollout(tiny, runner, model).sample(3)) for runner in (0, 1)]


class Holder:
    """A process that puts a fragment into the object store, as an env runner does."""

    def ticket(self, sampled: RunnerFragment) -> Ticket:
        return Ticket.of(sampled, in_store=True)


@pytest.mark.parametrize("in_store", [False, True])
@pytest.mark.parametrize(("num_learners", "worlds_of_each"), [(1, [4]), (2, [2, 2]), (3, [1, 1, 2]), (4, [1, 1, 1, 1])])
def test_divide__gives_every_world_to_one_learner(
    cluster: Cluster,
    sampled: list[RunnerFragment],
    num_learners: int,
    worlds_of_each: list[int],
    *,
    in_store: bool,
) -> None:
    tickets = [Ticket.of(each, in_store=in_store) for each in sampled]

    fetched = [fetch(shares, timeout_s=10.0) for shares in divide(tickets, num_learners)]

    assert [lost for _, lost in fetched] == [[]] * num_learners
    assert [sum(part.fragment.num_worlds for part in own) for own, _ in fetched] == worlds_of_each
    joined = [part for own, _ in fetched for part in own]
    assert [part.runner for part in joined] == sorted(part.runner for part in joined)
    for name in COLUMNS:
        whole = np.concatenate([getattr(each.fragment, name) for each in sampled], axis=1)
        np.testing.assert_array_equal(np.concatenate([getattr(part.fragment, name) for part in joined], axis=1), whole)


def test_of__tells_what_was_sampled_without_the_columns(sampled: list[RunnerFragment]) -> None:
    fragment = sampled[1].fragment

    ticket = Ticket.of(sampled[1], in_store=False)

    assert (ticket.runner, ticket.num_worlds, ticket.weights_version) == (1, 2, fragment.weights_version)
    assert ticket.experience.env_steps == fragment.num_rows
    assert ticket.experience.agent_steps == fragment.num_agent_steps
    assert ticket.experience.outcomes.keys() == fragment.outcomes.keys()


def test_fetch__names_tickets_whose_node_is_gone(
    nodes: ray.cluster_utils.Cluster, cluster: Cluster, sampled: list[RunnerFragment]
) -> None:
    node = nodes.add_node(num_cpus=1, resources={"apart": 1})
    holder = ray.remote(num_cpus=0)(Holder)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    ends, lives = holder.options(resources={"apart": 1}).remote(), holder.options(scheduling_strategy=here).remote()
    tickets = ray.get([ends.ticket.remote(sampled[0]), lives.ticket.remote(sampled[1])])
    nodes.remove_node(node)

    fragments, lost = fetch(divide(tickets, 1)[0], timeout_s=60.0)

    assert lost == [0]
    assert [each.runner for each in fragments] == [1]
    np.testing.assert_array_equal(fragments[0].fragment.logp, sampled[1].fragment.logp)
    ray.kill(lives)
