"""Scenarios as episodes of task `allocate`, and episodes as scenarios."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig, clock_fault
from rl_cluster.config.limits import steps_fault
from rl_cluster.environment.allocate.autopilot import wrap
from rl_cluster.environment.allocate.places import Places, places_of
from rl_cluster.environment.allocate.rules import ruled, rules_of, write_rules
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.scenario.names import Names, names_of
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.zones import bounding_circle
from rl_cluster.errors import ScenarioError
from rl_cluster.types import StageMix

__all__ = ["ScenarioFiles", "scenario_of"]


class ScenarioFiles:
    """An `EpisodeSource` of given scenarios: every episode of world w is scenario number (w mod their number).

    Args:
        scenarios: At least one.
        world: The settings that hold where a scenario has no rules of its own.
        seed: Keys everything random in an episode beside the scenario.
        fastest: The highest factor by which speeds will be multiplied in its episodes.

    Raises:
        ScenarioError: A scenario has no targets, they differ in their number of resource kinds, a UAV's turn radius at
            its lowest speed is above the capture radius, so that it could circle its target for ever, or with the
            settings, the rules of a scenario make no clock, or a place on the edge of a zone is hemmed in
            (`places.py`).
    """

    def __init__(
        self, scenarios: Sequence[Scenario], world: AllocateWorldConfig, seed: int, fastest: float = 1.0
    ) -> None:
        assert scenarios, "there must be at least one scenario"
        self._scenarios, self._world, self._seed = tuple(scenarios), world, seed
        self._fastest = fastest
        self._worlds = [ruled(world, scenario.rules) for scenario in self._scenarios]
        for scenario, own in zip(self._scenarios, self._worlds, strict=True):
            self._check(scenario, own)
        self._places = [places_of(scenario) for scenario in self._scenarios]

    @property
    def sizes(self) -> Sizes:
        """The maxima over the scenarios."""
        return Sizes(*np.max([scenario.sizes for scenario in self._scenarios], axis=0).tolist())

    @property
    def seed(self) -> int:
        """The seed of everything random in an episode beside the scenario."""
        return self._seed

    @property
    def has_sync(self) -> bool:
        """True = in some of the scenarios UAVs wait for others."""
        return any(world.coalition == "sync" for world in self._worlds)

    @property
    def has_hidden_events(self) -> bool:
        """True = in some scenario a target appears later, or a UAV fails."""
        return any(
            (scenario.target_appears_s > 0.0).any() or np.isfinite(scenario.uav_fails_s).any()
            for scenario in self._scenarios
        )

    def hidden_shares(self, worlds: NDArray[np.int64], episodes: NDArray[np.int64]) -> None:
        """None: nobody drew the events of scenario files."""

    def set_mix(self, mix: StageMix) -> None:
        """Raises ValueError: given scenarios have no stages."""
        raise ValueError(f"scenarios have no stages, so there is no stage {mix.stage}")

    def fill(self, state: AllocateState, rows: NDArray[np.int64], first_world: int) -> None:
        """Writes each world's scenario into its row, which holds zeros; it is the same in every episode."""
        for row in rows:
            self.write(state, int(row), (first_world + int(row)) % len(self._scenarios))

    def names(self, world: int, episode: int) -> Names:  # noqa: ARG002 - every episode of a world is alike
        """The names of an episode's entities."""
        return names_of(self._scenarios[world % len(self._scenarios)])

    def write(self, state: AllocateState, row: int, number: int) -> None:
        """Writes scenario number `number` into a row, which holds zeros."""
        self._fill(state, row, self._scenarios[number], self._places[number])
        write_rules(state, np.array([row]), self._worlds[number])

    def _fill(self, state: AllocateState, row: int, scenario: Scenario, places: Places) -> None:
        num_uavs, num_targets, num_obstacles, *_ = scenario.sizes
        state.area_m[row] = scenario.area_m
        state.time_limit_s[row] = self._time_limit_s(scenario)
        state.uav_exists[row, :num_uavs] = True
        state.uav_position_m[row, :num_uavs] = places.uav_m
        state.uav_heading_rad[row, :num_uavs] = [wrap(heading) for heading in scenario.uav_heading_rad]
        state.uav_resources[row, :num_uavs] = scenario.uav_resources
        state.uav_range_left_m[row, :num_uavs] = scenario.uav_range_m
        state.uav_speed_mps[row, :num_uavs] = scenario.uav_speed_mps
        state.uav_cruise_mps[row, :num_uavs] = scenario.uav_cruise_mps
        state.uav_max_turn_rate_radps[row, :num_uavs] = self._turn_rates_radps(scenario)
        state.uav_fails_s[row, :num_uavs] = scenario.uav_fails_s
        state.target_exists[row, :num_targets] = True
        state.target_position_m[row, :num_targets] = places.target_m
        state.target_demand[row, :num_targets] = scenario.target_demand
        state.target_value[row, :num_targets] = scenario.target_value
        state.target_service_s[row, :num_targets] = scenario.target_service_s
        state.target_appears_s[row, :num_targets] = scenario.target_appears_s
        state.obstacle_exists[row, :num_obstacles] = True
        state.obstacle_center_m[row, :num_obstacles] = scenario.obstacle_center_m
        state.obstacle_radius_m[row, :num_obstacles] = scenario.obstacle_radius_m
        state.obstacle_num_vertices[row, :num_obstacles] = scenario.obstacle_num_vertices
        state.obstacle_vertices_m[row, :num_obstacles, : scenario.sizes.num_vertices] = scenario.obstacle_vertices_m
        state.uav_depot[row, :num_uavs] = scenario.depots[1]
        state.depot_position_m[row, : len(places.depot_m)] = places.depot_m

    def _time_limit_s(self, scenario: Scenario) -> float:
        if scenario.time_limit_s is not None:
            return scenario.time_limit_s
        side_m = float(np.sqrt(scenario.area_m.prod()))
        return self._world.time_limit_sides * side_m / float(scenario.uav_cruise_mps.mean())

    def _turn_rates_radps(self, scenario: Scenario) -> NDArray[np.float64]:
        rates = scenario.uav_max_turn_rate_radps
        return np.where(np.isnan(rates), self._world.max_turn_rate_radps, rates)

    def _check(self, scenario: Scenario, world: AllocateWorldConfig) -> None:
        if not scenario.target_ids:
            what = "it has no targets, only goals"
            raise ScenarioError(scenario.name, what, "add targets, or run it with task: navigate")
        num_kinds, first = scenario.num_resources, self._scenarios[0]
        if num_kinds != first.num_resources:
            what = f"it has {num_kinds} kinds of resource, but {first.name} has {first.num_resources}"
            raise ScenarioError(scenario.name, what, "use scenarios with equal kinds together")
        if fault := clock_fault(world.decision_interval_s, world.substep_s):
            raise ScenarioError(
                f"{scenario.name}: rules", fault, "give both there, a substep that divides the interval"
            )
        if fault := steps_fault(self._time_limit_s(scenario), world.substep_s):
            place = "world" if scenario.rules.substep_s is None else "its rules"
            raise ScenarioError(scenario.name, fault, f"lower its time_limit_s, or raise {place}.substep_s")
        self._check_turns(scenario, world.capture_radius_m)

    def _check_turns(self, scenario: Scenario, capture_radius_m: float) -> None:
        radii_m = self._fastest * scenario.uav_speed_mps[:, 0] / self._turn_rates_radps(scenario)
        widest = int(radii_m.argmax())
        if radii_m[widest] > capture_radius_m:
            what = (
                f"its turn radius at the lowest speed is {radii_m[widest]:.0f} m, above the capture radius of "
                f"{capture_radius_m:.0f} m, so it could circle a target for ever"
            )
            remedy = "raise max_turn_rate_radps, or lower its lowest speed"
            if self._fastest > 1.0:
                remedy += " or generator.vary.speed"
            if scenario.rules.capture_radius_m is not None:
                remedy = f"raise rules.capture_radius_m, {remedy}"
            raise ScenarioError(f"{scenario.name}: uavs.{widest}", what, remedy)


def scenario_of(
    state: AllocateState, row: int, name: str = "episode", world: AllocateWorldConfig | None = None
) -> Scenario:
    """A world of the state, at the start of its episode, as a scenario with ids u1, u2, .. and t1, t2, ..

    Args:
        world: The settings that it will be played by: it gets the rules that differ from theirs. None: it gets all.
    """
    assert state.decision[row] == 0, "later, the positions are no longer those of the start"
    uavs, targets = state.uav_exists[row], state.target_exists[row]
    return Scenario(
        name=name,
        area_m=state.area_m[row].astype(np.float64),
        time_limit_s=float(state.time_limit_s[row]),
        uav_ids=tuple(f"u{number + 1}" for number in range(uavs.sum())),
        uav_position_m=state.uav_position_m[row, uavs].astype(np.float64),
        uav_heading_rad=state.uav_heading_rad[row, uavs].astype(np.float64),
        uav_resources=state.uav_initial_resources[row, uavs].astype(np.float64),
        uav_range_m=state.uav_range_left_m[row, uavs].astype(np.float64),
        uav_speed_mps=state.uav_speed_mps[row, uavs].astype(np.float64),
        uav_cruise_mps=state.uav_cruise_mps[row, uavs].astype(np.float64),
        uav_max_turn_rate_radps=state.uav_max_turn_rate_radps[row, uavs].astype(np.float64),
        uav_goal_m=np.full((int(uavs.sum()), 2), np.nan),
        uav_fails_s=state.uav_fails_s[row, uavs].astype(np.float64),
        **_depots_of(state, row),
        target_ids=tuple(f"t{number + 1}" for number in range(targets.sum())),
        target_position_m=state.target_position_m[row, targets].astype(np.float64),
        target_demand=state.target_demand[row, targets].astype(np.float64),
        target_value=state.target_value[row, targets].astype(np.float64),
        target_service_s=state.target_service_s[row, targets].astype(np.float64),
        target_appears_s=state.target_appears_s[row, targets].astype(np.float64),
        **_zones_of(state, row),
        origin=None,
        rules=rules_of(state, row, world),
    )


def _depots_of(state: AllocateState, row: int) -> dict[str, Any]:
    """One for all UAVs if they share one, else each UAV's own."""
    number = state.uav_depot[row, state.uav_exists[row]]
    position_m = state.depot_position_m[row, np.maximum(number - 1, 0)].astype(np.float64)
    own_m = np.where((number > 0)[:, None], position_m, np.nan)
    if number[0] > 0 and (number == number[0]).all():
        return {"depot_m": position_m[0], "uav_depot_m": np.full_like(own_m, np.nan)}
    return {"depot_m": None, "uav_depot_m": own_m}


def _zones_of(state: AllocateState, row: int) -> dict[str, Any]:
    """The arrays of the zones; circles about polygons are in doubles, as where the scenario is read from a file."""
    zones = state.obstacle_exists[row]
    num_vertices = state.obstacle_num_vertices[row, zones]
    vertices_m = state.obstacle_vertices_m[row, zones, : num_vertices.max(initial=0)].astype(np.float64)
    center_m = state.obstacle_center_m[row, zones].astype(np.float64)
    radius_m = state.obstacle_radius_m[row, zones].astype(np.float64)
    for o in np.flatnonzero(num_vertices):
        center_m[o], radius_m[o] = bounding_circle(vertices_m[o, : num_vertices[o]])
    return {
        "obstacle_center_m": center_m,
        "obstacle_radius_m": radius_m,
        "obstacle_num_vertices": num_vertices,
        "obstacle_vertices_m": vertices_m,
    }
