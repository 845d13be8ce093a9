"""Episodes of task `navigate` from given scenarios, for training: as they are, or with starts and goals moved."""

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.navigate import NavigateGeneratorConfig, NavigateWorldConfig
from rl_cluster.environment.navigate.scenarios import NavigateScenarios
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.scenario.given import check_room, given_scenarios
from rl_cluster.environment.scenario.names import Names, names_of
from rl_cluster.environment.shared.variation import draws_of, moved, zones_of_row

__all__ = ["VariedScenarios"]

_START, _GOAL = 0, 1 << 16
"""First counters of the draws."""


class VariedScenarios(NavigateScenarios):
    """A source of episodes: episode e of world w is made from scenario (w + e) modulo their number.

    Args:
        config: Says which scenarios, and what is varied.
        world: The settings of flight, and the distance that moved starts and goals keep from each other.
        seed: Keys all draws.
        is_training: Which of the two disjoint streams the variations come from.

    Raises:
        ScenarioError: As `NavigateScenarios`, or a scenario is larger than the settings have room for.
    """

    def __init__(
        self, config: NavigateGeneratorConfig, world: NavigateWorldConfig, seed: int, is_training: bool
    ) -> None:
        self._reach_m, self._apart_m = config.vary.position_m, world.warning_distance_m
        self._is_training = is_training
        self.scenarios = given_scenarios(config.scenarios)
        """In the order of the settings."""
        super().__init__(self.scenarios, world, seed)
        for scenario in self.scenarios:
            sizes = scenario.sizes
            check_room(scenario, config, {"num_uavs": sizes.num_uavs, "num_obstacles": sizes.num_obstacles})

    def number_of(self, world: int, episode: int) -> int:
        """Which of the scenarios an episode is made from."""
        return int((world + episode) % len(self.scenarios))

    def names(self, world: int, episode: int) -> Names:
        """The names of an episode's entities."""
        return names_of(self.scenarios[self.number_of(world, episode)])

    def fill(self, state: NavigateState, rows: NDArray[np.int64], first_world: int) -> None:
        """Writes episode `state.episode[row]` of world first_world + row into each of the rows, which hold zeros."""
        for row in rows.tolist():
            world, episode = first_world + row, int(state.episode[row])
            self.write(state, row, self.number_of(world, episode))
            draws = draws_of(self._seed, world, episode, is_training=self._is_training)
            zones, uavs = zones_of_row(state, row), slice(0, int(state.uav_exists[row].sum()))
            for place_m, first in ((state.uav_position_m, _START), (state.uav_goal_m, _GOAL)):
                place_m[row, uavs] = moved(
                    place_m[row, uavs], self._reach_m, draws, first, zones, state.area_m[row], self._apart_m
                )
