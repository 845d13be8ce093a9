"""What happened in each episode of task `navigate`: enough to recompute every episode metric by other means.

`evaluation/trace.py` says how lines are written, and what all tasks have in common. Here UAVs are numbered from 0 in
the order of the scenario, and there is

    steps                one object per step of the world:
        time_s           at its end
        position_m       [[x, y], ..] of each UAV, at its end
        heading_rad      of each UAV, at its end; 0 for double integrators
        velocity_mps     [[east, north], ..] of each UAV, at its end; 0 once arrived
        controls         [[u, v], ..] that each UAV flew under, in [-1, 1]; 0 for UAVs that had arrived before
        reward           of each UAV
        flown_m          by each UAV in this step
        collisions       of each UAV: 1 = began to touch something in this step
        arrived          UAVs that came to their goal in this step

Formations follow from the positions and `world.formation_radius_m` of the settings.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.recording import Step, change, to_plain

__all__ = ["NavigateRecording"]


class NavigateRecording:
    """What a trace of task `navigate` holds."""

    fields: tuple[str, ...] = ("uav_flown_m", "uav_collisions", "uav_arrived")

    def scenario_of(self, worlds: NavigateWorlds, row: int, name: str) -> Scenario:
        """The start of a world's episode, with ids u1, u2, ..

        A file must have some values that `navigate` does not use: 0 resources of one kind, the highest speed, and a
        range that lasts to the time limit.
        """
        state, speed_mps = worlds.state, worlds.world.speed_mps[1]
        uavs, zones = state.uav_exists[row], state.obstacle_exists[row]
        count, num_vertices = int(uavs.sum()), state.obstacle_num_vertices[row, zones]
        return Scenario(
            name=name,
            area_m=_exact(state.area_m[row]),
            time_limit_s=float(state.time_limit_s[row]),
            uav_ids=tuple(f"u{number + 1}" for number in range(count)),
            uav_position_m=_exact(state.uav_position_m[row, uavs]),
            uav_heading_rad=_exact(state.uav_heading_rad[row, uavs]),
            uav_resources=np.zeros((count, 1)),
            uav_range_m=np.full(count, speed_mps * float(state.time_limit_s[row])),
            uav_speed_mps=np.full((count, 2), speed_mps),
            uav_cruise_mps=np.full(count, speed_mps),
            uav_max_turn_rate_radps=np.full(count, np.nan),
            uav_goal_m=_exact(state.uav_goal_m[row, uavs]),
            uav_depot_m=np.full((count, 2), np.nan),
            uav_fails_s=np.full(count, np.inf),
            target_ids=(),
            target_position_m=np.zeros((0, 2)),
            target_demand=np.zeros((0, 1)),
            target_value=np.zeros(0),
            target_service_s=np.zeros(0),
            target_appears_s=np.zeros(0),
            obstacle_center_m=_exact(state.obstacle_center_m[row, zones]),
            obstacle_radius_m=_exact(state.obstacle_radius_m[row, zones]),
            obstacle_num_vertices=num_vertices,
            obstacle_vertices_m=_exact(state.obstacle_vertices_m[row, zones, : num_vertices.max(initial=0)]),
            depot_m=None,
            origin=None,
        )

    def describe(self, step: Step, row: int) -> dict[str, Any]:
        """The step of one world."""
        state, had_arrived = step.state, step.before["uav_arrived"][row]
        uavs = slice(0, int(state.uav_exists[row].sum()))
        return {
            "time_s": to_plain(state.time_s[row]),
            "position_m": to_plain(state.uav_position_m[row, uavs]),
            "heading_rad": to_plain(state.uav_heading_rad[row, uavs]),
            "velocity_mps": to_plain(state.uav_velocity_mps[row, uavs]),
            "controls": to_plain(np.where(had_arrived[:, None], 0.0, step.actions[row])[uavs]),
            "reward": to_plain(step.result.reward[row, uavs]),
            "flown_m": to_plain(change(step, "uav_flown_m", row)[uavs]),
            "collisions": change(step, "uav_collisions", row)[uavs].astype(int).tolist(),
            "arrived": np.flatnonzero(state.uav_arrived[row] & ~had_arrived).tolist(),
        }

    def describe_end(self, step: Step, row: int) -> dict[str, Any]:  # noqa: ARG002 - the steps say all
        """Nothing: the steps hold everything."""
        return {}


def _exact(values: NDArray[Any]) -> NDArray[np.float64]:
    return values.astype(np.float64)
