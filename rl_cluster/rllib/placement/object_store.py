"""The room that a run needs in the object stores of its cluster, where env runners leave what Learners fetch."""

import math

from gymnasium import spaces

from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.spaces import spaces_of
from rl_cluster.errors import ClusterError

__all__ = ["ITERATIONS", "check_object_store", "iteration_bytes"]

ITERATIONS = 2
"""How many iterations the stores hold at most: one that Learners fetch, and one that is sampled meanwhile."""
FLOATS_PER_UAV = 4
"""log-probability, value, value of the successor, reward"""
GIB = 1 << 30


def iteration_bytes(config: Config) -> int:
    """Bytes of the columns that all env runners make in an iteration."""
    observation, action = spaces_of(config)
    row = sum(_space_bytes(space) for space in observation.values())
    num_uavs = int(action.shape[0])
    of_action = _space_bytes(action) if isinstance(action, spaces.Box) else 2 * num_uavs  # int16
    of_experts = 2 * num_uavs if config.ppo.imitation_weight and config.sampling.searched_share else 0
    row += of_action + 4 * FLOATS_PER_UAV * num_uavs + of_experts + 1
    return config.train_batch_rows * row


def _space_bytes(space: spaces.Space[object]) -> int:
    assert space.shape is not None
    assert space.dtype is not None
    return math.prod(space.shape) * space.dtype.itemsize


def check_object_store(config: Config, store_bytes: float) -> None:
    """Raises ClusterError if all nodes together cannot hold two iterations of the run's remote env runners.

    Args:
        config: The run.
        store_bytes: Bytes of the object stores of all nodes.
    """
    needed = ITERATIONS * iteration_bytes(config) if config.sampling.num_env_runners else 0
    if needed > store_bytes:
        what = f"holds {store_bytes / GIB:.3g} GiB on all nodes, and two iterations of the run need {needed / GIB:.3g}"
        remedy = f"ray start --object-store-memory={needed}, or lower sampling.worlds_per_runner or fragment_steps"
        raise ClusterError("object store", what, remedy)
