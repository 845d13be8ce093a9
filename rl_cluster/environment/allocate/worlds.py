"""B worlds that step together. This file composes; the formulas are in the modules that it imports.

Same-step auto-reset: `step` returns the observation of the next episode for worlds that ended, with their outcomes.
`advance` leaves ended worlds standing, so that evaluation and traces can read them.
"""

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateRewardConfig, AllocateWorldConfig
from rl_cluster.environment.allocate.intent import Intent
from rl_cluster.environment.allocate.interval import fly_interval, take_choices
from rl_cluster.environment.allocate.observation import empty_observation, write_observation
from rl_cluster.environment.allocate.outcome import NAMES, episode_outcomes
from rl_cluster.environment.allocate.reward import TERMS, mix_terms, term_weights
from rl_cluster.environment.allocate.route import plan_routes
from rl_cluster.environment.allocate.rules import rules_of
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.interface import SourceOf, StepResult
from rl_cluster.environment.shared.nearest import Ranking, draw_k
from rl_cluster.types import BoolArray, FloatArray, IntArray, Observation, StageMix

__all__ = ["AllocateWorlds"]


class AllocateWorlds:
    """Worlds first_world .. first_world + B - 1 of a source, one row each (see `Observation` for what is seen).

    Action (B, N): 0 waits, c + 1 flies to candidate c. Reward: `reward.py`. End of an episode: `interval.py`.
    """

    metrics = NAMES

    def __init__(
        self,
        source: SourceOf[AllocateState],
        world: AllocateWorldConfig,
        reward: AllocateRewardConfig,
        num_worlds: int,
        first_world: int = 0,
        is_training: bool = False,
    ) -> None:
        self.source, self.world, self.first_world, self.is_training = source, world, first_world, is_training
        self.reward, self.sizes = reward, source.sizes
        self.intent_rounds = world.training_intent_rounds if is_training else world.intent_rounds
        self.num_candidates = min(world.num_candidates, self.sizes.num_targets)
        self.state = AllocateState.empty(num_worlds, self.sizes)
        self._rules = rules_of(world)
        self._weights, self._own_weight = term_weights(reward), reward.own_weight
        self.terms: FloatArray = np.zeros((num_worlds, self.sizes.num_uavs, len(TERMS)), dtype=np.float32)
        self._terminated, self._deadlocked = (np.zeros(num_worlds, dtype=np.bool_) for _ in range(2))
        self._intent, self._ranking = Intent.empty(self.sizes), Ranking.empty(max(self.sizes[:3]))
        self.observation = empty_observation(self.state.num_worlds, self.sizes, self.num_candidates)
        """What was observed last, against which actions are held."""
        self._plans: list[NDArray[np.generic]] = []

    def reset(self) -> Observation[NDArray[np.generic]]:
        """Starts episode 0 of every world."""
        self._plans = []
        self._start(np.arange(self.state.num_worlds), np.zeros(self.state.num_worlds, dtype=np.int64))
        return self.observe()

    def set_mix(self, mix: StageMix) -> Observation[NDArray[np.generic]]:
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
        self.state.uav_fails_s[rows] = np.inf
        self.source.fill(self.state, rows, self.first_world)
        plan_routes(self.state, rows, self.world.obstacle_clearance_m)
        self.state.uav_initial_resources[rows] = self.state.uav_resources[rows]
        self.state.target_remaining[rows] = self.state.target_demand[rows]
        self.state.uav_choice[rows] = -1
        self.state.uav_service_ends_s[rows] = np.inf
        self.state.is_sync[rows] = self.world.coalition == "sync"
        self.state.is_capability[rows] = self.world.resource_kind == "capability"
        self.state.target_closed_time_s[rows] = np.inf
        draw_k(
            self.state, rows, self.first_world, self.source.seed, self.is_training,
            self.world.k_jitter, self.world.k_wide_share,
        )  # fmt: skip

    def announce(self, actions: IntArray) -> Observation[NDArray[np.generic]]:
        """What is seen once all UAVs have said by actions (B, N) what they mean to do. Nothing moves.

        It is as if they had chosen: who means to leave a target is not present there. Raises ValueError as `advance`.
        """
        if not self._plans:
            self._plans = [array.copy() for array in self._chosen()]
        self._take(actions)
        return self.observe()

    def retract(self) -> None:
        """Takes announcements back: choices, presence and service are what they were at the last `advance`."""
        for array, before in zip(self._chosen(), self._plans, strict=bool(self._plans)):
            array[...] = before
        self._plans = []

    def _chosen(self) -> tuple[NDArray[np.generic], ...]:
        """All of the state that a choice changes."""
        return self.state.uav_choice, self.state.uav_present, self.state.uav_service_ends_s

    def _take(self, actions: IntArray) -> None:
        b, i = take_choices(self.state, self.observation.candidates, self.observation.action_mask, actions)
        if b >= 0:
            raise ValueError(
                f"action {actions[b, i]} of UAV {i} in world {b} is masked; choose where action_mask is True"
            )

    def advance(self, actions: IntArray) -> StepResult:
        """Applies actions (B, N) for one decision interval; ended worlds stand still.

        Raises ValueError if an action is illegal; then nothing has changed, but that announcements are taken back.
        """
        self.retract()
        self._take(actions)
        num_worlds, num_uavs = actions.shape
        reward = np.zeros((num_worlds, num_uavs), dtype=np.float32)
        terminated, truncated, deadlocked = (np.zeros(num_worlds, dtype=np.bool_) for _ in range(3))
        fly_interval(self.state, self.terms, terminated, truncated, deadlocked, self._rules)
        state = self.state
        mix_terms(self.terms, self._weights, self._own_weight, state.uav_exists, reward, state.return_sum)
        has_ended = terminated | truncated
        self._terminated = np.where(has_ended, terminated, self._terminated)
        self._deadlocked = np.where(has_ended, deadlocked, self._deadlocked)
        return StepResult(reward, terminated, truncated, deadlocked)

    def outcomes(self, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """Episode metrics of the ended worlds that `rows` (B,) marks True: name -> (E,) float64."""
        return episode_outcomes(self.state, np.flatnonzero(rows), self._terminated, self._deadlocked)

    def give_up(self, rows: BoolArray) -> None:
        """Ends the episodes of the worlds that `rows` (B,) marks True; see `Worlds.give_up`."""
        self.state.ended[rows] = True

    def reset_ended(self) -> None:
        """Starts the next episode in every world that has ended."""
        rows = np.flatnonzero(self.state.ended)
        if rows.size:
            self._start(rows, self.state.episode[rows] + 1)

    def step(
        self, actions: IntArray
    ) -> tuple[Observation[NDArray[np.generic]], StepResult, dict[str, NDArray[np.float64]]]:
        """`advance`, then outcomes of the worlds that ended, their reset, and the observation of all."""
        result = self.advance(actions)
        outcomes = self.outcomes(result.terminated | result.truncated)
        self.reset_ended()
        return self.observe(), result, outcomes

    def observe(self) -> Observation[NDArray[np.generic]]:
        """What the policy sees now, in fresh arrays."""
        self.observation = empty_observation(self.state.num_worlds, self.sizes, self.num_candidates)
        world = self.world
        write_observation(
            self.state, self.observation, self._intent, self._ranking, world.replan, world.decision_interval_s,
            world.sensing_radius_m, world.obstacle_clearance_m,
        )  # fmt: skip
        return self.observation

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """All that the worlds need to go on, as arrays by name."""
        assert not self._plans, "announcements are not kept: retract them"
        ends = {"terminated": self._terminated.copy(), "deadlocked": self._deadlocked.copy()}
        return {**self.state.state_dict(), **ends}

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> Observation[NDArray[np.generic]]:
        """Puts `state_dict`'s arrays back; returns the observation. Raises KeyError or ValueError if they differ."""
        self._plans = []
        self.state.load_state_dict(arrays)
        self._terminated[...] = arrays["terminated"]
        self._deadlocked[...] = arrays["deadlocked"]
        return self.observe()
