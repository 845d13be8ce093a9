"""Episodes of task `allocate` from given scenarios, for training: as they are, or varied around them."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.config.allocate_generator import AllocateGeneratorConfig
from rl_cluster.environment.allocate.preferences import draw_preferences, preference_ranges
from rl_cluster.environment.allocate.scenarios import ScenarioFiles
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.scenario.given import check_room, given_scenarios
from rl_cluster.environment.scenario.names import Names, names_of, picked_names
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.variation import Draws, draws_of, moved, zones_of_row
from rl_cluster.errors import ScenarioError
from rl_cluster.types import StageMix

__all__ = ["VariedScenarios"]

_COUNT, _PICK, _SUPPLY, _SPEED, _FAILS, _UAV_PLACE, _TARGET_PLACE = (number << 16 for number in range(7))
"""First counters of the draws: far enough apart for the most UAVs and targets."""


class VariedScenarios:
    """An `EpisodeSource`: episode e of world w is made from scenario (w + e) modulo their number.

    So every world plays all of them in turn. Episode (seed, world, episode) is always the same, and what is varied for
    training is never met in evaluation.

    Args:
        config: Says which scenarios, and what is varied.
        world: The settings that hold where a scenario has no rules of its own.
        seed: Keys all draws.
        is_training: Which of the two disjoint streams the variations come from.

    Raises:
        ScenarioError: As `ScenarioFiles`; or a scenario has other kinds of resource than the settings, or more
            entities than they have room for, or UAVs that with the highest speed could circle a target for ever.
    """

    def __init__(
        self, config: AllocateGeneratorConfig, world: AllocateWorldConfig, seed: int, is_training: bool
    ) -> None:
        self._config, self._vary, self._seed, self._is_training = config, config.vary, seed, is_training
        self.scenarios = given_scenarios(config.scenarios)
        """In the order of the settings."""
        self._files = ScenarioFiles(self.scenarios, world, seed, self._vary.speed[1])
        for scenario in self.scenarios:
            self._check(scenario)

    def _check(self, scenario: Scenario) -> None:
        sizes, known = scenario.sizes, self._config.num_resources
        if sizes.num_resources != known:
            what = f"it has {sizes.num_resources} kinds of resource, but generator.num_resources={known}"
            raise ScenarioError(scenario.name, what, f"set generator.num_resources={sizes.num_resources}")
        most = sizes.num_uavs + max(0, self._vary.extra_uavs[1])
        counts = {"num_uavs": most, "num_targets": sizes.num_targets, "num_obstacles": sizes.num_obstacles}
        check_room(scenario, self._config, counts)

    @cached_property
    def sizes(self) -> Sizes:
        """The maxima over the scenarios, and room for the UAVs that are added."""
        sizes = self._files.sizes
        return sizes._replace(num_uavs=sizes.num_uavs + max(0, self._vary.extra_uavs[1]))

    @property
    def seed(self) -> int:
        """The seed that keys the episodes."""
        return self._seed

    @property
    def has_hidden_events(self) -> bool:
        """True = targets may appear, or UAVs fail."""
        return self._files.has_hidden_events or self._vary.failing_share > 0.0

    def hidden_shares(self, worlds: NDArray[np.int64], episodes: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """(E, 2) shares of targets that appear and of UAVs that fail; None if nothing is drawn beside the scenarios."""
        if not self._vary.failing_share:
            return None
        appearing = np.array([(scenario.target_appears_s > 0.0).mean() for scenario in self.scenarios])
        of_episodes = appearing[(worlds + episodes) % len(self.scenarios)]
        return np.stack([of_episodes, np.full(len(worlds), self._vary.failing_share)], axis=1)

    def set_mix(self, mix: StageMix) -> None:
        """Raises ValueError: given scenarios have no stages."""
        raise ValueError(f"scenarios have no stages, so there is no stage {mix.stage}")

    def number_of(self, world: int, episode: int) -> int:
        """Which of the scenarios an episode is made from."""
        return int((world + episode) % len(self.scenarios))

    def picked(self, world: int, episode: int) -> NDArray[np.int64]:
        """For each UAV of an episode, its number in the scenario: some are left out, or some come again at the end."""
        num_uavs = len(self.scenarios[self.number_of(world, episode)].uav_ids)
        draws = self._draws(world, episode)
        wanted = max(1, num_uavs + draws.whole(_COUNT, self._vary.extra_uavs))
        drawn = draws.uniform(_PICK, max(num_uavs, wanted))
        if wanted <= num_uavs:
            return np.sort(np.argsort(drawn)[:wanted]) if wanted < num_uavs else np.arange(num_uavs)
        again = (drawn[num_uavs:] * num_uavs).astype(np.int64)
        return np.concatenate([np.arange(num_uavs), again])

    def names(self, world: int, episode: int) -> Names:
        """The names of an episode's entities."""
        own = names_of(self.scenarios[self.number_of(world, episode)])
        return picked_names(own, self.picked(world, episode).tolist())

    def _draws(self, world: int, episode: int) -> Draws:
        return draws_of(self._seed, world, episode, is_training=self._is_training)

    def fill(self, state: AllocateState, rows: NDArray[np.int64], first_world: int) -> None:
        """Writes episode `state.episode[row]` of world first_world + row into each of the rows, which hold zeros."""
        for row in rows.tolist():
            world, episode = first_world + row, int(state.episode[row])
            blank = {name: array[row].copy() for name, array in _uav_fields(state).items()}
            self._files.write(state, row, self.number_of(world, episode))
            picked = self.picked(world, episode)
            for name, array in _uav_fields(state).items():
                of_picked = array[row, picked]
                array[row] = blank[name]
                array[row, : len(picked)] = of_picked
            self._alter(state, row, len(picked), self._draws(world, episode))
        if self._is_training:
            draw_preferences(state, rows, first_world + rows, self._seed, preference_ranges(self._config))

    def _alter(self, state: AllocateState, row: int, num_uavs: int, draws: Draws) -> None:
        """Varies what the UAVs carry and how fast they are, which of them fail, and where all stand."""
        vary, uavs = self._vary, slice(0, num_uavs)
        state.uav_resources[row, uavs] *= draws.between_logs(_SUPPLY, num_uavs, vary.supply)[:, None]
        speed = draws.between_logs(_SPEED, num_uavs, vary.speed)
        state.uav_speed_mps[row, uavs] *= speed[:, None]
        state.uav_cruise_mps[row, uavs] *= speed
        fails, when = draws.uniform(_FAILS, 2 * num_uavs).reshape(2, -1)
        fails_s = np.where(fails < vary.failing_share, when * state.time_limit_s[row], np.inf)
        state.uav_fails_s[row, uavs] = np.minimum(state.uav_fails_s[row, uavs], fails_s)
        zones, area_m = zones_of_row(state, row), state.area_m[row]
        targets = slice(0, int(state.target_exists[row].sum()))
        for position_m, one, first in (
            (state.uav_position_m, uavs, _UAV_PLACE),
            (state.target_position_m, targets, _TARGET_PLACE),
        ):
            position_m[row, one] = moved(position_m[row, one], vary.position_m, draws, first, zones, area_m)


def _uav_fields(state: AllocateState) -> dict[str, NDArray[np.generic]]:
    return {name: array for name, array in state._asdict().items() if name.startswith("uav_")}
