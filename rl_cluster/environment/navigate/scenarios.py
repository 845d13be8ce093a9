"""Scenarios as episodes of task `navigate`, and episodes as scenarios.

A scenario gives positions, headings, goals and zones; speeds and turn rates are those of the world's settings, so
that one policy's physics hold everywhere. If no UAV has a goal, targets are the goals: the Hungarian method assigns
them, and a UAV without one stays where it is.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from rl_cluster.config.limits import steps_fault
from rl_cluster.config.navigate import NavigateWorldConfig
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.scenario.names import Names, names_of
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.errors import ScenarioError
from rl_cluster.types import StageMix

__all__ = ["NavigateScenarios"]


class NavigateScenarios:
    """A source of episodes: world w plays scenario w modulo their number, the same in every episode.

    Raises:
        ScenarioError: Some UAVs of a scenario have a goal and some have none, an episode would take too many steps, or
            a scenario has rules of task `allocate`.
    """

    def __init__(self, scenarios: Sequence[Scenario], world: NavigateWorldConfig, seed: int) -> None:
        assert scenarios, "there must be at least one scenario"
        self._scenarios, self._world, self._seed = tuple(scenarios), world, seed
        self._goals_m = [_goals_m(scenario) for scenario in self._scenarios]
        for scenario in self._scenarios:
            if fault := steps_fault(self._time_limit_s(scenario), world.step_s):
                raise ScenarioError(scenario.name, fault, "lower its time_limit_s, or raise world.step_s")
            for rule in scenario.rules.given:
                what, remedy = "task navigate has no such rule", "remove it, or run it with task: allocate"
                raise ScenarioError(f"{scenario.name}: rules.{rule}", what, remedy)

    @property
    def sizes(self) -> Sizes:
        """The maxima over the scenarios; targets and resources are not part of this task."""
        n, _, o, _, c, _ = np.max([scenario.sizes for scenario in self._scenarios], axis=0).tolist()
        return Sizes(n, 0, o, 0, c)

    @property
    def seed(self) -> int:
        """The seed of everything random in an episode beside the scenario."""
        return self._seed

    @property
    def has_hidden_events(self) -> bool:
        """False: all of an episode is known at its start."""
        return False

    def hidden_shares(self, worlds: NDArray[np.int64], episodes: NDArray[np.int64]) -> None:
        """None: nothing is hidden."""

    def set_mix(self, mix: StageMix) -> None:
        """Raises ValueError: given scenarios have no stages."""
        raise ValueError(f"scenarios have no stages, so there is no stage {mix.stage}")

    def fill(self, state: NavigateState, rows: NDArray[np.int64], first_world: int) -> None:
        """Writes each world's scenario into its row, which holds zeros."""
        for row in rows:
            self.write(state, int(row), (first_world + int(row)) % len(self._scenarios))

    def names(self, world: int, episode: int) -> Names:  # noqa: ARG002 - every episode of a world is alike
        """The names of an episode's entities."""
        return names_of(self._scenarios[world % len(self._scenarios)])

    def write(self, state: NavigateState, row: int, number: int) -> None:
        """Writes scenario number `number` into a row, which holds zeros."""
        self._fill(state, row, self._scenarios[number], self._goals_m[number])

    def _fill(self, state: NavigateState, row: int, scenario: Scenario, goals_m: NDArray[np.float64]) -> None:
        world, n, o = self._world, scenario.sizes.num_uavs, scenario.sizes.num_obstacles
        state.area_m[row] = scenario.area_m
        state.time_limit_s[row] = self._time_limit_s(scenario)
        state.uav_exists[row, :n] = True
        state.uav_position_m[row, :n] = scenario.uav_position_m
        state.uav_goal_m[row, :n] = goals_m
        if world.dynamics == "unicycle":
            state.uav_heading_rad[row, :n] = np.pi - (np.pi - scenario.uav_heading_rad) % (2.0 * np.pi)
            state.uav_speed_mps[row, :n] = world.speed_mps[0]
        state.obstacle_exists[row, :o] = True
        state.obstacle_center_m[row, :o] = scenario.obstacle_center_m
        state.obstacle_radius_m[row, :o] = scenario.obstacle_radius_m
        state.obstacle_num_vertices[row, :o] = scenario.obstacle_num_vertices
        state.obstacle_vertices_m[row, :o, : scenario.sizes.num_vertices] = scenario.obstacle_vertices_m

    def _time_limit_s(self, scenario: Scenario) -> float:
        side_m = float(np.sqrt(scenario.area_m.prod()))
        return scenario.time_limit_s or self._world.time_limit_sides * side_m / self._world.speed_mps[1]


def _goals_m(scenario: Scenario) -> NDArray[np.float64]:
    """(N, 2) goals, from the scenario or from its targets."""
    is_missing = np.isnan(scenario.uav_goal_m).any(axis=1)
    if not is_missing.any():
        return scenario.uav_goal_m
    if not is_missing.all():
        uav = int(is_missing.argmax())
        what = "it has no goal_m, but other UAVs have one"
        raise ScenarioError(f"{scenario.name}: uavs.{uav}", what, "give every UAV a goal_m, or none")
    assert scenario.target_ids, "a scenario without targets has goals: its form asks for them"
    goals_m = scenario.uav_position_m.copy()
    distances_m = np.linalg.norm(scenario.uav_position_m[:, None] - scenario.target_position_m, axis=-1)
    uavs, targets = linear_sum_assignment(distances_m)
    goals_m[uavs] = scenario.target_position_m[targets]
    return goals_m
