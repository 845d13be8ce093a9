"""Room for fewer Learners than a run asks for: as they act as one, it learns the same with any number of them."""

import logging

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.placement.place import RESTART_PATIENCE_S, SETTLE_S, Placement, place
from rl_cluster.rllib.placement.plan import make_plan

__all__ = ["has_room_for_all", "place_again", "with_learners"]

logger = logging.getLogger(__name__)


def with_learners(config: Config, number: int) -> Config:
    """The run with another number of Learners."""
    learners = config.learners.model_copy(update={"num_learners": number})
    return config.model_copy(update={"learners": learners})


def place_again(config: Config, cluster: Cluster) -> Placement:
    """Reserves room for a run that has lost some, with as many Learners as there is room for.

    It waits some minutes for room for the fewest that `learners.min_learners` allows. Raises ClusterError if there is
    none.
    """
    most = config.learners.num_learners
    fewest = min(config.learners.min_learners or most, most)
    for number in range(most, fewest, -1):
        try:
            return place(with_learners(config, number), cluster, SETTLE_S)
        except ClusterError as error:
            logger.warning("%s; trying with %d Learners", error.what, number - 1)
    return place(with_learners(config, fewest), cluster, RESTART_PATIENCE_S)


def has_room_for_all(config: Config, cluster: Cluster, number: int) -> bool:
    """Whether a run that goes on with `number` Learners finds free room for those that it lacks."""
    lacking = config.learners.num_learners - number
    if not lacking:
        return False
    alone = with_learners(config, lacking)
    try:
        sampling = alone.sampling.model_copy(update={"num_env_runners": 0})
        make_plan(alone.model_copy(update={"sampling": sampling}), cluster.free_resources())
    except ClusterError:
        return False
    return True
