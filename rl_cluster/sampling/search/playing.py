"""Plays plans to the ends of their episodes, on forks of the worlds.

Rows whose episodes have ended are dropped from the fork, because the longest episode of a batch takes many times the
steps of the shortest.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.shared.interface import Policy, Worlds
from rl_cluster.environment.shared.planning import Pilot, Planning, Record
from rl_cluster.sampling.acting import act
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.sampling.search.objective import Objective

__all__ = ["FollowedPolicy", "Played", "Recorded", "Sampled", "play"]

_DENSE_SHARE = 0.75
"""A fork with fewer rows under way than this share is made smaller."""


class Played(NamedTuple):
    """K plans, and what they are worth."""

    value: NDArray[np.float64]
    """(K,) the objective at the ends of their episodes"""
    record: Record


class FollowedPolicy:
    """A pilot that lets a policy act; each row is played as the policy would play it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def act(self, worlds: Worlds, plans: NDArray[np.int64], step: int) -> NDArray[Any]:  # noqa: ARG002 - it looks at the worlds alone
        """Actions (B, N, ..), as in `Pilot.act`."""
        return self._policy.act(worlds, worlds.observation)


class Sampled:
    """A pilot that samples a network's actions, with noise of each plan's own.

    Args:
        network: The network, with what it is told.
        seeds: (K,) key the noise; a plan with a negative one takes the most probable actions.
        intent_rounds: How often the UAVs choose before they fly.
    """

    def __init__(self, network: ModelPolicy, seeds: NDArray[np.int64], intent_rounds: int) -> None:
        self._network, self._seeds, self._intent_rounds = network, seeds, intent_rounds

    def act(self, worlds: Worlds, plans: NDArray[np.int64], step: int) -> NDArray[Any]:  # noqa: ARG002 - the state knows the decision
        """Actions (B, N, ..), as in `Pilot.act`."""
        worlds.intent_rounds = self._intent_rounds
        return act(self._network.model, worlds, worlds.observation, self._seeds[plans], tell=self._network.tell).applied


class Recorded:
    """A pilot that flies recorded choices (T, K, N, ..) again; after their end UAVs wait."""

    def __init__(self, planning: Planning[Worlds], choices: NDArray[Any]) -> None:
        self._planning, self._choices = planning, choices

    def act(self, worlds: Worlds, plans: NDArray[np.int64], step: int) -> NDArray[Any]:
        """Actions (B, N, ..), as in `Pilot.act`."""
        last = min(step, len(self._choices) - 1)
        return self._planning.actions(worlds.observation, self._choices[last][plans])


def play(fork: Worlds, pilot: Pilot[Worlds], planning: Planning[Worlds], objective: Objective) -> Played:
    """Plays all rows of the fork, which must be under way, to the ends of their episodes."""
    plans, is_played = np.arange(fork.state.num_worlds), np.ones(fork.state.num_worlds, dtype=np.bool_)
    value = np.empty(plans.size)
    choices: list[NDArray[Any]] = []
    served: list[NDArray[Any]] = []
    while is_played.any():
        actions = pilot.act(fork, plans, len(choices))
        _append(choices, planning.choices(fork.observation, actions), plans, is_played)
        fork.advance(actions)
        _append(served, planning.served(fork), plans, is_played)
        has_ended = is_played & fork.state.ended
        if has_ended.any():
            value[plans[has_ended]] = objective.value(planning.terms(fork, has_ended))
            is_played = ~fork.state.ended
            if is_played.mean() < _DENSE_SHARE:
                fork, plans = fork.fork(np.flatnonzero(is_played)), plans[is_played]
                is_played = np.ones(plans.size, dtype=np.bool_)
        fork.observe()
    return Played(value, Record(np.stack(choices), np.stack(served)))


def _append(
    steps: list[NDArray[Any]], rows: NDArray[Any], plans: NDArray[np.int64], is_played: NDArray[np.bool_]
) -> None:
    """Adds a step (K, ..): the rows of the plans that are still played, and what stood last for the others."""
    step = steps[-1].copy() if steps else np.empty_like(rows)
    step[plans[is_played]] = rows[is_played]
    steps.append(step)
