"""B worlds that step together. This file composes; the formulas are in the modules that it imports.

Same-step auto-reset: `step` returns the observation of the next episode for worlds that ended, with their outcomes.
`advance` leaves ended worlds standing, so that evaluation and traces can read them.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.schema import RewardConfig, WorldConfig
from rl_cluster.environment.intent import Intent, read_intent
from rl_cluster.environment.interval import fly_interval, take_choices
from rl_cluster.environment.neighbours import (
    Nearest,
    adaptive_k,
    find_candidates,
    find_neighbours,
    num_neighbour_slots,
    training_k,
)
from rl_cluster.environment.observation import write_obstacle_row, write_pair_row, write_target_row, write_uav_row
from rl_cluster.environment.outcome import episode_outcomes
from rl_cluster.environment.reward import TERMS, mix_terms, term_weights
from rl_cluster.environment.world import Sizes, WorldState
from rl_cluster.types import (
    WAIT,
    BoolArray,
    FloatArray,
    IntArray,
    Observation,
    obstacle_feature_dim,
    pair_feature_dim,
    target_feature_dim,
    uav_feature_dim,
)

__all__ = ["BatchedWorlds", "EpisodeSource", "StepResult"]


class EpisodeSource(Protocol):
    """Where episodes come from: the generator or scenario files."""

    @property
    def sizes(self) -> Sizes:
        """Padded maxima of all its episodes."""

    @property
    def seed(self) -> int:
        """Keys every draw of its episodes."""

    def fill(self, state: WorldState, row: int, world: int, episode: int) -> None:
        """Writes episode number `episode` of world number `world` into a row of the state that holds zeros."""


class StepResult(NamedTuple):
    """What one decision interval gave."""

    reward: FloatArray
    """(B, N) per-UAV reward; 0 where the UAV does not exist or the world had ended before"""
    terminated: BoolArray
    """(B,) True = all targets closed in this interval"""
    truncated: BoolArray
    """(B,) True = cut in this interval, by the time limit or a deadlock"""
    deadlocked: BoolArray
    """(B,) True = cut because no UAV has a legal target"""


class BatchedWorlds:
    """Worlds first_world .. first_world + B - 1 of a source, one row each (see `Observation` for what is seen).

    Action (B, N): 0 waits, c + 1 flies to candidate c. Reward: `reward.py`. End of an episode: `interval.py`.
    """

    def __init__(
        self,
        source: EpisodeSource,
        world: WorldConfig,
        reward: RewardConfig,
        num_worlds: int,
        first_world: int = 0,
        is_training: bool = False,
    ) -> None:
        self.source, self.world, self.first_world, self.is_training = source, world, first_world, is_training
        self.sizes = source.sizes
        self.num_candidates = min(world.num_candidates, self.sizes.num_targets)
        self.state = WorldState.empty(num_worlds, self.sizes)
        self._weights, self._own_weight = term_weights(reward), reward.own_weight
        self.terms: FloatArray = np.zeros((num_worlds, self.sizes.num_uavs, len(TERMS)), dtype=np.float32)
        self._deadlocked = np.zeros(num_worlds, dtype=np.bool_)
        self._intent, self._nearest = Intent.empty(self.sizes), Nearest.empty()
        self._observation = self._empty_observation()

    def reset(self) -> Observation[NDArray[np.generic]]:
        """Starts episode 0 of every world."""
        for row in range(self.state.num_worlds):
            self._start(row, 0)
        return self.observe()

    def _start(self, row: int, episode: int) -> None:
        for array in self.state:
            array[row] = 0
        self.source.fill(self.state, row, self.first_world + row, episode)
        self.state.uav_initial_resources[row] = self.state.uav_resources[row]
        self.state.target_remaining[row] = self.state.target_demand[row]
        self.state.uav_choice[row] = -1
        self.state.target_closed_time_s[row] = np.inf
        self.state.episode[row] = episode
        self.state.k[row] = self._num_neighbours(row, episode)

    def _num_neighbours(self, row: int, episode: int) -> int:
        num_uavs = int(self.state.uav_exists[row].sum())
        if not self.is_training:
            return int(adaptive_k(num_uavs))
        number = self.first_world + row
        world = self.world
        return int(training_k(num_uavs, self.source.seed, number, episode, world.k_jitter, world.k_wide_share))

    def advance(self, actions: IntArray) -> StepResult:
        """Applies actions (B, N) for one decision interval; ended worlds stand still.

        Raises ValueError if an action is illegal; then nothing has changed.
        """
        observation = self._observation
        b, i = take_choices(self.state, observation.candidates, observation.action_mask, actions)
        if b >= 0:
            raise ValueError(
                f"action {actions[b, i]} of UAV {i} in world {b} is masked; choose where action_mask is True"
            )
        num_worlds, num_uavs = actions.shape
        reward = np.zeros((num_worlds, num_uavs), dtype=np.float32)
        terminated, truncated, deadlocked = (np.zeros(num_worlds, dtype=np.bool_) for _ in range(3))
        world = self.world
        fly_interval(
            self.state, self.terms, terminated, truncated, deadlocked,
            round(world.decision_interval_s / world.substep_s), world.substep_s,
            world.capture_radius_m, world.obstacle_clearance_m, world.sensing_radius_m,
        )  # fmt: skip
        mix_terms(self.terms, self._weights, self._own_weight, self.state.uav_exists, reward)
        self.state.return_sum[...] += reward.sum(axis=1, dtype=np.float64)
        self._deadlocked = np.where(terminated | truncated, deadlocked, self._deadlocked)
        return StepResult(reward, terminated, truncated, deadlocked)

    def outcomes(self, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """Episode metrics of the ended worlds that `rows` (B,) marks True: name -> (E,) float64."""
        return episode_outcomes(self.state, rows, self._deadlocked)

    def reset_ended(self) -> None:
        """Starts the next episode in every world that has ended."""
        for row in np.flatnonzero(self.state.ended):
            self._start(int(row), int(self.state.episode[row]) + 1)

    def step(
        self, actions: IntArray
    ) -> tuple[Observation[NDArray[np.generic]], StepResult, dict[str, NDArray[np.float64]]]:
        """`advance`, then outcomes of the worlds that ended, their reset, and the observation of all."""
        result = self.advance(actions)
        outcomes = self.outcomes(result.terminated | result.truncated)
        self.reset_ended()
        return self.observe(), result, outcomes

    def observe(self) -> Observation[NDArray[np.generic]]:
        """What the policy sees now, in fresh arrays. `advance` holds actions against the mask returned here last."""
        self._observation = self._empty_observation()
        world = self.world
        _observe(
            self.state, self._observation, self._intent, self._nearest, world.replan, world.decision_interval_s,
            world.sensing_radius_m, world.obstacle_clearance_m,
        )  # fmt: skip
        return self._observation

    def _empty_observation(self) -> Observation[NDArray[np.generic]]:
        (n, m, o, r), b, c = self.sizes, self.state.num_worlds, self.num_candidates
        return Observation(
            uav=np.zeros((b, n, uav_feature_dim(r)), dtype=np.float32),
            target=np.zeros((b, m, target_feature_dim(r)), dtype=np.float32),
            obstacle=np.zeros((b, o, obstacle_feature_dim()), dtype=np.float32),
            position=np.zeros((b, n + m + o, 2), dtype=np.float32),
            mask=np.zeros((b, n + m + o), dtype=np.bool_),
            neighbours=np.full((b, n + m, num_neighbour_slots(n, m, o)), -1, dtype=np.int16),
            candidates=np.full((b, n, c), -1, dtype=np.int16),
            pair=np.zeros((b, n, c, pair_feature_dim(r)), dtype=np.float32),
            action_mask=np.zeros((b, n, 1 + c), dtype=np.bool_),
            decides=np.zeros((b, n), dtype=np.bool_),
        )

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """All that the worlds need to go on, as arrays by name."""
        return {**self.state.state_dict(), "deadlocked": self._deadlocked.copy()}

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> Observation[NDArray[np.generic]]:
        """Puts `state_dict`'s arrays back; returns the observation. Raises KeyError or ValueError if they differ."""
        self.state.load_state_dict(arrays)
        self._deadlocked[...] = arrays["deadlocked"]
        return self.observe()


@njit(cache=True, _nrt=False)
def _observe(state, observation, intent, nearest, replan, interval_s, sensing_radius_m, clearance_m):  # type: ignore[no-untyped-def]
    """Fills an observation that holds zeros (and -1 in its index arrays)."""
    num_uavs, num_targets = state.uav_exists.shape[1], state.target_exists.shape[1]
    for b in range(state.time_s.shape[0]):
        read_intent(state, b, intent)
        find_neighbours(state, b, nearest, observation.neighbours)
        find_candidates(state, b, nearest, observation.candidates)
        for i in range(num_uavs):
            if state.uav_exists[b, i]:
                observation.mask[b, i] = True
                _place(state, b, state.uav_position_m[b, i], sensing_radius_m, observation.position[b, i])
                write_uav_row(state, b, i, intent, sensing_radius_m, observation.uav[b, i])
            _write_choices(state, b, i, intent, replan, sensing_radius_m, observation)
        for j in range(num_targets):
            if state.target_exists[b, j] and state.target_closed_time_s[b, j] == np.inf:
                entity = num_uavs + j
                observation.mask[b, entity] = True
                _place(state, b, state.target_position_m[b, j], sensing_radius_m, observation.position[b, entity])
                write_target_row(state, b, j, intent, interval_s, observation.target[b, j])
        for o in range(state.obstacle_exists.shape[1]):
            if state.obstacle_exists[b, o]:
                entity = num_uavs + num_targets + o
                observation.mask[b, entity] = True
                _place(state, b, state.obstacle_center_m[b, o], sensing_radius_m, observation.position[b, entity])
                write_obstacle_row(state, b, o, clearance_m, sensing_radius_m, observation.obstacle[b, o])


@njit(cache=True, _nrt=False)
def _place(state, b, position_m, sensing_radius_m, row):  # type: ignore[no-untyped-def]
    for axis in range(2):
        row[axis] = (position_m[axis] - 0.5 * state.area_m[b, axis]) / sensing_radius_m


@njit(cache=True, _nrt=False)
def _write_choices(state, b, i, intent, replan, sensing_radius_m, observation):  # type: ignore[no-untyped-def]
    """Pair rows and legal actions of one UAV. Who keeps its target (no replanning) has that as its only action."""
    candidates, mask = observation.candidates[b, i], observation.action_mask[b, i]
    choice = state.uav_choice[b, i]
    num_legal, kept = 0, -1
    for c in range(candidates.shape[0]):
        if candidates[c] >= 0:
            write_pair_row(state, b, i, candidates[c], intent, sensing_radius_m, observation.pair[b, i, c])
            mask[c + 1] = True
            num_legal += 1
            if candidates[c] == choice:
                kept = c
    if kept >= 0 and not replan:
        mask[:] = False
        mask[kept + 1] = True
        return
    mask[WAIT] = True
    observation.decides[b, i] = num_legal > 0
