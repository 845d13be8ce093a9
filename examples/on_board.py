"""A policy on board: positions and resources in, decisions out. It remembers what it has decided between calls.

Here the same worlds that it was trained in stand for the real flight. A second argument names a trained run.
"""

import sys
from pathlib import Path
from typing import Any

import rl_cluster

scenario = rl_cluster.load_scenario(sys.argv[1])
if len(sys.argv) > 2:
    on_board = rl_cluster.load_policy(Path(sys.argv[2])).on_board(scenario)
else:  # a heuristic can be on board, too
    settings = rl_cluster.load_config("debug")
    on_board = rl_cluster.OnBoard(rl_cluster.make_heuristic("complete-first"), settings, scenario)

flight = rl_cluster.make_worlds(rl_cluster.load_config("debug"), scenario=scenario)  # in your case: telemetry
observation = flight.reset()
follow = rl_cluster.make_heuristic("complete-first")
while not flight.state.ended.all():
    state: Any = flight.state
    readings = rl_cluster.Readings(
        time_s=float(state.time_s[0]),
        position_m=state.uav_position_m[0],
        heading_rad=state.uav_heading_rad[0],
        range_left_m=state.uav_range_left_m[0],
    )
    print(f"{readings.time_s:4.0f} s", on_board.decide(readings))
    flight.advance(follow.act(flight, observation))
    observation = flight.observe()
