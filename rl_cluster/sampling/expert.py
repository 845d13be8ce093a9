"""The expert of expert iteration: what a search at decision time would choose where the policy that learns has come to.

Anthony, Tian, Barber 2017, arXiv 1705.08439; asking the expert on the states that the learner itself visits is DAgger
(Ross, Gordon, Bagnell 2011, arXiv 1011.0686). The worlds go on by the policy's own actions, so that what they show
stays on-policy for PPO. The search plays the plans of the policy as it is by now, the task's strongest heuristics, and
variations of the best plan, for all searched worlds side by side (`search/`): a better policy has a better expert.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.environment.tasks import task_of
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.sampling.search.budget import Budget
from rl_cluster.sampling.search.search_policy import SearchPolicy
from rl_cluster.types import IntArray, Observation

__all__ = ["Expert", "make_expert"]

FUTURES = 4
"""Drawn futures of a plan where targets appear or UAVs fail."""
NUM_HEURISTICS = 2
"""The task's strongest ones, which are played at every decision."""


class Expert:
    """Searches the first worlds of a batch.

    Args:
        config: Settings of the run.
    """

    def __init__(self, config: Config) -> None:
        self._config, sampling = config, config.sampling
        self._num_searched = math.ceil(sampling.searched_share * sampling.worlds_per_runner)
        self._budget, self._planning = Budget(plans=sampling.search_plans, futures=FUTURES), task_of(config).planning
        self._heuristics = tuple(task_of(config).heuristics)[: -NUM_HEURISTICS - 1 : -1]

    def advise(self, worlds: Worlds, model: TransformerGNN) -> NDArray[Any]:
        """(b, N) choices for the first b worlds, in the planning's form. The worlds are not changed.

        Each decision is searched anew, without the plan of the last one, so that a resumed run goes on as it would
        have.
        """
        fork = worlds.fork(np.arange(min(self._num_searched, worlds.state.num_worlds)))
        search = SearchPolicy(
            self._config,
            self._budget,
            self._config.seed,
            ModelPolicy(model, "argmax"),
            heuristics=self._heuristics,
            side_by_side=True,
        )
        return self._planning.choices(fork.observation, search.act(fork, fork.observation))

    def actions(self, choices: NDArray[Any], observation: Observation[NDArray[Any]]) -> IntArray:
        """(B, N) the choices as actions by an observation of the same state, -1 where nothing was searched.

        What another UAV has left no work at is not legal in it: then the action is none of the legal ones.
        """
        actions = np.full(observation.decides.shape, -1, dtype=np.int16)
        first = Observation(*(array[: len(choices)] for array in observation))
        is_there = (first.candidates == choices[..., None]) & (choices >= 0)[..., None]
        slots = is_there.argmax(axis=-1) + 1
        actions[: len(choices)] = np.where(choices < 0, 0, np.where(is_there.any(axis=-1), slots, -1))
        return actions


def make_expert(config: Config) -> Expert | None:
    """The expert of a run; None if nothing is imitated."""
    if config.ppo.imitation_weight == 0.0 or config.sampling.searched_share == 0.0:
        return None
    return Expert(config)
