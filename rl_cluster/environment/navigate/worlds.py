"""B worlds of task `navigate` that step together. This file composes; the formulas are in the modules that it
imports.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.navigate import NavigateRewardConfig, NavigateWorldConfig
from rl_cluster.environment.navigate.contact import Contacts
from rl_cluster.environment.navigate.observation import empty_observation, write_observation
from rl_cluster.environment.navigate.outcome import NAMES, episode_outcomes
from rl_cluster.environment.navigate.physics import physics_of
from rl_cluster.environment.navigate.reward import reward_weights
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.navigate.step import find_illegal, step_worlds
from rl_cluster.environment.navigate.surroundings import Surroundings
from rl_cluster.environment.shared.interface import Sizes, SourceOf, StepResult
from rl_cluster.environment.shared.nearest import draw_k
from rl_cluster.types import BoolArray, FloatArray, Observation, StageMix

__all__ = ["NavigateWorlds"]

AnyObservation = Observation[NDArray[np.generic]]


class NavigateWorlds:
    """Worlds first_world .. first_world + B - 1 of a source, one row each (see `Observation` for what is seen).

    Action (B, N, 2) in [-1, 1]: `motion.py`. Reward: `reward.py`. End of an episode: `step.py`.
    """

    metrics = NAMES
    intent_rounds = 1

    def __init__(
        self,
        source: SourceOf[NavigateState],
        world: NavigateWorldConfig,
        reward: NavigateRewardConfig,
        num_worlds: int,
        first_world: int = 0,
        is_training: bool = False,
    ) -> None:
        self.source, self.world, self.first_world, self.is_training = source, world, first_world, is_training
        self.sizes: Sizes = source.sizes
        self.state = NavigateState.empty(num_worlds, self.sizes)
        self.physics, self._weights = physics_of(world), reward_weights(reward)
        self._contacts, self._around = Contacts.empty(self.sizes.num_uavs), Surroundings.empty(self.sizes)
        self.observation = empty_observation(num_worlds, self.sizes, world.num_encounters)
        """What was observed last."""

    def reset(self, out: AnyObservation | None = None) -> AnyObservation:
        """Starts episode 0 of every world."""
        num_worlds = self.state.num_worlds
        self._start(np.arange(num_worlds), np.zeros(num_worlds, dtype=np.int64))
        return self.observe(out)

    def set_mix(self, mix: StageMix) -> AnyObservation:
        """Draws episodes from another mixture of stages, those too in which nobody has acted yet.

        Raises ValueError if the source has no such stage.
        """
        self.source.set_mix(mix)
        unbegun = np.flatnonzero(self.state.decision == 0)
        self._start(unbegun, self.state.episode[unbegun])
        return self.observe()

    def _start(self, rows: NDArray[np.int64], episodes: NDArray[np.int64]) -> None:
        for array in self.state:
            array[rows] = 0
        self.state.episode[rows] = episodes
        self.source.fill(self.state, rows, self.first_world)
        world = self.world
        draw_k(
            self.state, rows, self.first_world, self.source.seed, self.is_training, world.k_jitter, world.k_wide_share
        )
        _take_bearings(self.state, rows)

    def announce(self, actions: FloatArray) -> AnyObservation:  # noqa: ARG002 - controls are no plans
        """What was observed last: nobody is told of controls."""
        return self.observation

    def retract(self) -> None:
        """Nothing is announced."""

    def advance(self, actions: FloatArray) -> StepResult:
        """Applies controls (B, N, 2) for one step; ended worlds stand still.

        Raises ValueError if a control of a UAV that decides is not within [-1, 1], or if the shape differs; then
        nothing has changed.
        """
        expected = self.state.uav_goal_m.shape
        if actions.shape != expected:
            raise ValueError(f"controls have shape {actions.shape}, but these worlds take {expected}")
        actions = np.ascontiguousarray(actions, dtype=np.float32)
        b, i = find_illegal(self.state, actions)
        if b >= 0:
            raise ValueError(f"controls {actions[b, i]} of UAV {i} in world {b} are not in [-1, 1]; clip them")
        num_worlds, num_uavs = actions.shape[:2]
        reward = np.empty((num_worlds, num_uavs), dtype=np.float32)
        terminated, truncated = (np.empty(num_worlds, dtype=np.bool_) for _ in range(2))
        step_worlds(self.state, actions, self.physics, self._weights, self._contacts, reward, terminated, truncated)
        return StepResult(reward, terminated, truncated, np.zeros(num_worlds, dtype=np.bool_))

    def outcomes(self, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """Episode metrics of the ended worlds that `rows` (B,) marks True: name -> (E,) float64."""
        return episode_outcomes(self.state, np.flatnonzero(rows), self.physics.formation_radius_m > 0.0)

    def give_up(self, rows: BoolArray) -> None:
        """Ends the episodes of the worlds that `rows` (B,) marks True; see `Worlds.give_up`."""
        self.state.ended[rows] = True

    def reset_ended(self) -> None:
        """Starts the next episode in every world that has ended."""
        rows = np.flatnonzero(self.state.ended)
        if rows.size:
            self._start(rows, self.state.episode[rows] + 1)

    def step(
        self, actions: FloatArray, out: AnyObservation | None = None
    ) -> tuple[AnyObservation, StepResult, dict[str, NDArray[np.float64]]]:
        """`advance`, then outcomes of the worlds that ended, their reset, and the observation of all."""
        result = self.advance(actions)
        outcomes = self.outcomes(result.terminated | result.truncated)
        self.reset_ended()
        return self.observe(out), result, outcomes

    def observe(self, out: AnyObservation | None = None) -> AnyObservation:
        """What the policy sees now, written into `out`, arrays of an earlier observation, or into fresh ones."""
        self.observation = out or empty_observation(self.state.num_worlds, self.sizes, self.world.num_encounters)
        write_observation(self.state, self.physics, self._around, self.observation)
        return self.observation

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """All that the worlds need to go on, as arrays by name."""
        return self.state.state_dict()

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> AnyObservation:
        """Puts `state_dict`'s arrays back; returns the observation. Raises KeyError or ValueError if they differ."""
        self.state.load_state_dict(arrays)
        return self.observe()


@njit(cache=True)
def _take_bearings(state: NavigateState, rows: NDArray[np.int64]) -> None:
    """Writes what follows from starts, headings and goals."""
    for b in rows:
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                cos, sin = (
                    np.cos(np.float64(state.uav_heading_rad[b, i])),
                    np.sin(np.float64(state.uav_heading_rad[b, i])),
                )
                speed = state.uav_speed_mps[b, i]
                state.uav_axis[b, i, 0], state.uav_axis[b, i, 1] = cos, sin
                state.uav_velocity_mps[b, i, 0], state.uav_velocity_mps[b, i, 1] = speed * cos, speed * sin
                dx = np.float64(state.uav_goal_m[b, i, 0]) - state.uav_position_m[b, i, 0]
                dy = np.float64(state.uav_goal_m[b, i, 1]) - state.uav_position_m[b, i, 1]
                state.uav_goal_distance_m[b, i] = np.sqrt(dx * dx + dy * dy)
                state.uav_straight_m[b, i] = state.uav_goal_distance_m[b, i]
