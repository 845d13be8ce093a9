"""B worlds of task `allocate` that step together. This file composes; the formulas are in the modules that it imports.

Same-step auto-reset: `step` returns the observation of the next episode for worlds that ended, with their outcomes.
`advance` leaves ended worlds standing, so that evaluation and traces can read them.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateRewardConfig, AllocateWorldConfig
from rl_cluster.environment.allocate.choices import Announcements, take_choices
from rl_cluster.environment.allocate.ends import Ends
from rl_cluster.environment.allocate.episode_start import clear_rows, equip_rows
from rl_cluster.environment.allocate.intent import Intent
from rl_cluster.environment.allocate.interval import fly_interval
from rl_cluster.environment.allocate.observation import empty_observation, write_observation
from rl_cluster.environment.allocate.outcome import NAMES, episode_outcomes
from rl_cluster.environment.allocate.reward import TERMS, mix_terms, weights_of
from rl_cluster.environment.allocate.rules import shared_rules
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.turns import take_turns
from rl_cluster.environment.shared.forking import copy_rows
from rl_cluster.environment.shared.interface import SourceOf, StepResult, TakeTurns
from rl_cluster.environment.shared.nearest import Ranking, draw_k
from rl_cluster.types import BoolArray, FloatArray, IntArray, Observation, StageMix

__all__ = ["AllocateWorlds"]


class AllocateWorlds:
    """Worlds first_world .. first_world + B - 1 of a source of episodes, one row each.

    B worlds, N UAVs, M targets, O no-fly zones, R kinds of resource: the source's padded maxima. A UAV has
    C = min(num_candidates, M) candidates; a row has W = min(16, N) + min(16, M) + min(16, O) slots for neighbours.
    k neighbours of each kind are seen, as `shared/nearest.py` draws them for each episode.

    Observation: lengths are divided by the sensing radius, amounts by what the mean UAV carries, and directions are in
    the UAV's body frame. `columns.py` has the columns of the rows.

        uav: (B, N, 22 + 4 * R) float32, rows of UAVs; 0 where the UAV does not exist
        target: (B, M, 10 + 6 * R) float32, rows of targets; 0 where the target is not open
        obstacle: (B, O, 2) float32, rows of no-fly zones; 0 where the zone does not exist
        position: (B, N + M + O, 2) float32, about the area's centre; only differences may be used
        mask: (B, N + M + O) bool, True = the UAV or zone exists, or the target is open
        neighbours: (B, N + M, W) int16, in [0, N + M + O): of a UAV its k nearest UAVs, open targets and zones, of an
            open target its k nearest UAVs; -1 = none
        candidates: (B, N, C) int16, in [0, M): the nearest legal targets by rising distance; the current choice is
            among them while it is legal; -1 = none
        pair: (B, N, C, 15 + 5 * R) float32, rows of UAV and candidate together; 0 where there is no candidate
        action_mask: (B, N, 1 + C) bool, True = the action is legal
        decides: (B, N) bool, True = more than one action is legal, so that the UAV counts in the policy's loss

    Action: (B, N) int16, in [0, C], for the decision interval of the world (`rules.py`). 0 hovers on the spot and uses
    no range. c + 1 flies to candidate c and delivers there (`autopilot.py`, `service.py`, `delivery.py`). `legality.py`
    says which targets a UAV may choose. While a UAV serves a target together with others, or if `replan` is false, its
    only legal action is to keep its target.

    Reward: (B, N) float32, 0 where the UAV does not exist. `reward.py` weighs the terms completion, share, waste,
    congestion, path, time, approach, collision and all_done; `shared/credit.py` mixes own and mean.

    End of an episode:

        terminated: all targets are closed, including those that appear late; with a depot, all UAVs that fly are back
        truncated: the episode reaches its time limit, or a deadlock
        deadlocked: no UAV has a legal target and no target is still to appear; if `replan` is false, also when all UAVs
            that fly wait at targets for others (`is_stuck` in `legality.py`); or nobody has done anything in the last
            `idle_decisions` decisions (`idleness.py`)
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
        self.world_numbers = np.arange(first_world, first_world + num_worlds)
        self.reward, self.sizes = reward, source.sizes
        self.intent_rounds = world.training_intent_rounds if is_training else world.intent_rounds
        self.take_turns: TakeTurns | None = self._take_turns if world.choose_in_turn else None
        self.num_candidates = min(world.num_candidates, self.sizes.num_targets)
        self.state = AllocateState.empty(num_worlds, self.sizes)
        self._shared = shared_rules(world)
        self._weights = weights_of(reward)
        self.terms: FloatArray = np.zeros((num_worlds, self.sizes.num_uavs, len(TERMS)), dtype=np.float32)
        self.ends, self._announcements = Ends.empty(num_worlds), Announcements(self.state)
        self._intent, self._ranking = Intent.empty(self.sizes), Ranking.empty(max(self.sizes[:3]))
        self.observation = empty_observation(num_worlds, self.sizes, self.num_candidates)
        """The latest observation, which actions are checked against."""

    def reset(self) -> Observation[NDArray[np.generic]]:
        """Starts episode 0 of every world."""
        self._announcements.forget()
        self._start(np.arange(self.state.num_worlds), np.zeros(self.state.num_worlds, dtype=np.int64))
        return self.observe()

    def set_mix(self, mix: StageMix) -> Observation[NDArray[np.generic]]:
        """Draws episodes from another mixture of stages, also where no UAV has acted yet in the current one.

        Raises ValueError if the source has no such stage.
        """
        self.source.set_mix(mix)
        unbegun = np.flatnonzero(self.state.decision == 0)
        self._start(unbegun, self.state.episode[unbegun])
        return self.observe()

    def _start(self, rows: NDArray[np.int64], episodes: NDArray[np.int64]) -> None:
        clear_rows(self.state, rows, episodes, self.world)
        self.source.fill(self.state, rows, self.first_world)
        equip_rows(self.state, rows)
        draw_k(
            self.state, rows, self.first_world, self.source.seed, self.is_training,
            self.world.k_jitter, self.world.k_wide_share,
        )  # fmt: skip

    def announce(self, actions: IntArray) -> Observation[NDArray[np.generic]]:
        """The observation after all UAVs have announced their intent by actions (B, N). Nothing moves.

        Announcements count as choices: a UAV that intends to leave a target is not present there. Raises ValueError
        like `advance`.
        """
        self._announcements.begin()
        take_choices(self.state, self.observation, actions)
        return self.observe()

    def retract(self) -> None:
        """Takes announcements back: choices, presence and service are what they were at the last `advance`."""
        self._announcements.retract()

    def _take_turns(
        self, observation: Observation[NDArray[np.generic]], logp: FloatArray, scores: FloatArray
    ) -> tuple[IntArray, Observation[NDArray[np.generic]]]:
        """See `turns.py`."""
        return take_turns(self.state, observation, logp, scores)

    def advance(self, actions: IntArray) -> StepResult:
        """Applies actions (B, N) for one decision interval; ended worlds stand still.

        Raises ValueError if an action is illegal; then nothing has changed, except that announcements are taken back.
        """
        self.retract()
        state = self.state
        take_choices(state, self.observation, actions)
        result = StepResult.empty(state.num_worlds, self.sizes.num_uavs)
        fly_interval(state, self.terms, result, self._shared)
        mix_terms(self.terms, self._weights, state.preference, state.uav_exists, result.reward, state.return_sum)
        self.ends.note(result)
        return result

    def outcomes(self, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """Episode metrics of the ended worlds that `rows` (B,) marks True: name -> (E,) float64."""
        return episode_outcomes(self.state, np.flatnonzero(rows), *self.ends)

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
        """The current observation, in fresh arrays."""
        self.observation = empty_observation(self.state.num_worlds, self.sizes, self.num_candidates)
        write_observation(self.state, self.observation, self._intent, self._ranking, self._shared)
        return self.observation

    def fork(self, rows: NDArray[np.int64]) -> Self:
        """Copies of the worlds `rows`, with their observations; see `Worlds.fork`."""
        if self._announcements.are_open:
            raise ValueError("announcements are not copied; retract them before the fork")
        fork = type(self)(self.source, self.world, self.reward, rows.size, self.first_world, self.is_training)
        fork.intent_rounds, fork.world_numbers = self.intent_rounds, self.world_numbers[rows]
        copy_rows(self.state, rows, fork.state)
        copy_rows(self.ends, rows, fork.ends)
        copy_rows(self.observation, rows, fork.observation)
        return fork

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """Everything that the worlds need in order to continue, as arrays by name."""
        assert not self._announcements.are_open, "announcements are not kept: retract them"
        return {**self.state.state_dict(), **{name: array.copy() for name, array in self.ends._asdict().items()}}

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> Observation[NDArray[np.generic]]:
        """Puts `state_dict`'s arrays back; returns the observation. Raises KeyError or ValueError if they differ."""
        self._announcements.forget()
        self.state.load_state_dict(arrays)
        for name, array in self.ends._asdict().items():
            array[...] = arrays[name]
        return self.observe()
