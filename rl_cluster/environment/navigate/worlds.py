"""B worlds of task `navigate` that step together. This file composes; the formulas are in the modules that it
imports.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.navigate import NavigateRewardConfig, NavigateWorldConfig
from rl_cluster.environment.navigate.contact import Contacts
from rl_cluster.environment.navigate.episode_start import clear_rows, take_bearings
from rl_cluster.environment.navigate.observation import empty_observation, write_observation
from rl_cluster.environment.navigate.outcome import NAMES, episode_outcomes
from rl_cluster.environment.navigate.physics import physics_of
from rl_cluster.environment.navigate.reward import reward_weights
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.navigate.step import checked_controls, step_worlds
from rl_cluster.environment.navigate.surroundings import Surroundings
from rl_cluster.environment.shared.forking import copy_rows
from rl_cluster.environment.shared.interface import SourceOf, StepResult, TakeTurns
from rl_cluster.environment.shared.nearest import draw_k
from rl_cluster.types import BoolArray, FloatArray, Observation, StageMix

__all__ = ["NavigateWorlds"]

AnyObservation = Observation[NDArray[np.generic]]


class NavigateWorlds:
    """Worlds first_world .. first_world + B - 1 of a source of episodes, one row each.

    B worlds, N UAVs, O no-fly zones: the source's padded maxima. A UAV has C = max(1, min(num_encounters, N - 1 + O))
    encounters, the bodies nearest to it; a row has W = min(16, N) + min(16, O) slots for neighbours. k neighbours of
    each kind are seen, as `shared/nearest.py` draws them for each episode.

    Observation: lengths are divided by the sensing radius, speeds by the highest speed, and directions are in the UAV's
    body frame. `columns.py` has the columns of the rows.

        uav: (B, N, 18) float32, rows of UAVs; 0 where the UAV does not exist
        target: (B, 0, 0) float32, none
        obstacle: (B, O, 2) float32, rows of no-fly zones; 0 where the zone does not exist
        position: (B, N + O, 2) float32, about the area's centre; only differences may be used
        mask: (B, N + O) bool, True = the UAV or zone exists
        neighbours: (B, N, W) int16, in [0, N + O): the k nearest UAVs, then the k nearest zones; -1 = none
        candidates: (B, N, C) int16, in [0, N + O): encounters by rising gap; -1 = none
        pair: (B, N, C, 12) float32, rows of UAV and encounter together; 0 where there is no encounter
        action_mask: (B, N, 1 + C) bool, says nothing here: all controls are legal
        decides: (B, N) bool, True = the UAV exists and has not arrived

    Action: (B, N, 2) float32, in [-1, 1], for `step_s` seconds: acceleration and turn rate, or acceleration east and
    north, divided by their limits (`motion.py`). A UAV within the arrival radius of its goal has arrived: it hovers
    there until the end, and others can still touch it (`contact.py`).

    Reward: (B, N) float32, 0 where the UAV does not exist. `reward.py` weighs the terms progress, arrival, collision,
    warning, effort, time and formation; `shared/credit.py` mixes own and mean.

    End of an episode:

        terminated: all UAVs have arrived
        truncated: the episode reaches its time limit
        deadlocked: never
    """

    metrics = NAMES
    intent_rounds = 1
    take_turns: TakeTurns | None = None

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
        self.world_numbers = np.arange(first_world, first_world + num_worlds)
        self.reward, self.sizes = reward, source.sizes
        self.state = NavigateState.empty(num_worlds, self.sizes)
        self.physics, self._weights = physics_of(world), reward_weights(reward)
        self._contacts, self._around = Contacts.empty(self.sizes.num_uavs), Surroundings.empty(self.sizes)
        self.observation = empty_observation(num_worlds, self.sizes, world.num_encounters)
        """The latest observation."""

    def reset(self, out: AnyObservation | None = None) -> AnyObservation:
        """Starts episode 0 of every world."""
        num_worlds = self.state.num_worlds
        self._start(np.arange(num_worlds), np.zeros(num_worlds, dtype=np.int64))
        return self.observe(out)

    def set_mix(self, mix: StageMix) -> AnyObservation:
        """Draws episodes from another mixture of stages, also where no UAV has acted yet in the current one.

        Raises ValueError if the source has no such stage.
        """
        self.source.set_mix(mix)
        unbegun = np.flatnonzero(self.state.decision == 0)
        self._start(unbegun, self.state.episode[unbegun])
        return self.observe()

    def _start(self, rows: NDArray[np.int64], episodes: NDArray[np.int64]) -> None:
        clear_rows(self.state, rows, episodes)
        self.source.fill(self.state, rows, self.first_world)
        world = self.world
        draw_k(
            self.state, rows, self.first_world, self.source.seed, self.is_training, world.k_jitter, world.k_wide_share
        )
        take_bearings(self.state, rows)

    def announce(self, actions: FloatArray) -> AnyObservation:  # noqa: ARG002 - controls are no plans
        """The latest observation, because controls are not announced."""
        return self.observation

    def retract(self) -> None:
        """Does nothing, because controls are not announced."""

    def advance(self, actions: FloatArray) -> StepResult:
        """Applies controls (B, N, 2) for one step; ended worlds stand still.

        Raises ValueError if a control of a UAV that decides is not within [-1, 1], or if the shape differs; then
        nothing has changed.
        """
        controls = checked_controls(self.state, actions)
        result = StepResult.empty(self.state.num_worlds, self.sizes.num_uavs)
        step_worlds(self.state, controls, self.physics, self._weights, self._contacts, result)
        return result

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
        """The current observation, written into `out`, the arrays of an earlier one, or into fresh arrays."""
        self.observation = out or empty_observation(self.state.num_worlds, self.sizes, self.world.num_encounters)
        write_observation(self.state, self.physics, self._around, self.observation)
        return self.observation

    def fork(self, rows: NDArray[np.int64]) -> Self:
        """Copies of the worlds `rows`, with their observations; see `Worlds.fork`."""
        fork = type(self)(self.source, self.world, self.reward, rows.size, self.first_world, self.is_training)
        fork.world_numbers = self.world_numbers[rows]
        copy_rows(self.state, rows, fork.state)
        copy_rows(self.observation, rows, fork.observation)
        return fork

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """Everything that the worlds need in order to continue, as arrays by name."""
        return self.state.state_dict()

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> AnyObservation:
        """Puts `state_dict`'s arrays back; returns the observation. Raises KeyError or ValueError if they differ."""
        self.state.load_state_dict(arrays)
        return self.observe()
