"""The room for two iterations is that of the columns that a rollout really makes."""

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.rllib.placement.object_store import check_object_store, iteration_bytes
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout


def _measured_bytes(config: Config) -> int:
    """Bytes of the columns that all env runners have made."""
    fragment = make_rollout(config, 0, make_model(config)).sample(config.sampling.fragment_steps)
    columns = [fragment.action, fragment.logp, fragment.value, fragment.next_value, fragment.reward, fragment.ended]
    columns += [] if fragment.expert is None else [fragment.expert]
    total = sum(np.asarray(column).nbytes for column in (*columns, *fragment.observation))
    return max(1, config.sampling.num_env_runners) * total


@pytest.mark.parametrize("tiny_of_task", ["allocate", "navigate"], indirect=True)
def test_iteration_bytes__are_those_of_the_fragments(tiny_of_task: Config) -> None:
    assert iteration_bytes(tiny_of_task) == _measured_bytes(tiny_of_task)


def test_iteration_bytes__count_what_a_search_has_found(tiny: Config) -> None:
    changed = {"ppo": {"imitation_weight": 0.5}, "sampling": {"searched_share": 0.5, "search_plans": 2}}
    config = tiny.model_copy(
        update={name: getattr(tiny, name).model_copy(update=values) for name, values in changed.items()}
    )

    assert iteration_bytes(tiny) < iteration_bytes(config) == _measured_bytes(config)


def test_store__that_holds_no_two_iterations_is_refused_with_the_size_that_it_needs() -> None:
    config = load_config("quick_demo", ["sampling.num_env_runners=2"])
    needed = 2 * iteration_bytes(config)

    check_object_store(config, needed)
    with pytest.raises(ClusterError, match=rf"two iterations of the run need .*object-store-memory={needed}, or lower"):
        check_object_store(config, needed - 1)
    check_object_store(load_config("quick_demo", ["sampling.num_env_runners=0"]), 0)
