"""Flies a decision interval once more on copies of worlds, substep by substep: where UAVs were between its ends.

`interval.py` keeps only where they are at its end. The copies fly through the same substeps in the same order, so the
positions are those that were flown, to the last bit. Traces ask for them; nothing else pays for them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.allocate.choices import take_choices
from rl_cluster.environment.allocate.interval import fly_interval
from rl_cluster.environment.allocate.reward import TERMS
from rl_cluster.environment.allocate.rules import shared_rules
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import StepResult
from rl_cluster.environment.shared.recording import Flight
from rl_cluster.types import FloatArray, Observation

__all__ = ["fly_again"]


def fly_again(
    copies: AllocateWorlds,
    observation: Observation[NDArray[Any]],
    actions: NDArray[Any],
    until_s: FloatArray,
) -> Flight:
    """Where UAVs were at the start of an interval and after each of its substeps.

    Args:
        copies: A fork of the worlds at the start of the interval; it is used up.
        observation: What the actions were chosen on.
        actions: (B, N) as they were flown.
        until_s: (B,) the time of each world at the end of the interval; worlds that had ended stand still.
    """
    state, shared = copies.state, shared_rules(copies.world)
    take_choices(state, observation, actions)
    state.decision_interval_s[:] = state.substep_s
    terms = np.zeros((*state.uav_exists.shape, len(TERMS)), dtype=np.float32)
    times_s, positions_m = [state.time_s.copy()], [state.uav_position_m.copy()]
    half_s = 0.5 * state.substep_s
    while not (is_over := state.time_s > until_s - half_s).all():
        # an interval of one substep may look like a deadlock, and end the episode: here the time alone does
        state.ended[:] = is_over
        fly_interval(state, terms, StepResult.empty(*state.uav_exists.shape), shared)
        times_s.append(state.time_s.copy())
        positions_m.append(state.uav_position_m.copy())
    return Flight(np.array(times_s), np.array(positions_m))
