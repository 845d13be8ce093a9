"""A policy that searches at decision time: it plays candidate plans to the end, and flies the best one's first choice.

It is the rollout algorithm (Bertsekas, Tsitsiklis, Wu 1997, "Rollout algorithms for combinatorial optimization",
J. Heuristics 3) with several base policies, fortified: the best plan so far is kept, so that on a deterministic world
an episode ends no worse than any plan that was ever played in it. Sampling a network's plans is the search of neural
combinatorial optimisation (Bello et al. 2016, arXiv 1611.09940; Kool et al. 2019, arXiv 1803.08475). Plans are also
changed at random, as in iterated local search (Lourenco, Martin, Stutzle 2003, "Iterated local search").
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeSource, Policy, Worlds
from rl_cluster.environment.shared.keyed_random import plan_keys
from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import ConfigError
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.sampling.search.budget import Budget, parse_budget
from rl_cluster.sampling.search.decision import Decision, PilotMaker
from rl_cluster.sampling.search.objective import Objective, parse_weights
from rl_cluster.sampling.search.playing import FollowedPolicy, Recorded, Sampled
from rl_cluster.types import BoolArray, Observation

__all__ = ["SearchPolicy", "make_searches"]

_CYCLE, _SAMPLED, _VARIATIONS = 64, 16, 10
"""Plans of a cycle; how many of them a network samples, which cost many times the others (at most a quarter of the
budget); and variations that are played side by side, after which the best plan may be another."""
_GROUP_UAVS = 16_384
"""UAVs of all rows that are played side by side; it bounds the memory."""
_FIRST_FUTURE = 1 << 40
"""Number of the first key of futures: far from those of plans."""


class _Kept(NamedTuple):
    """The best plan of a world."""

    decision: int
    """at which its first choice was flown"""
    choices: NDArray[Any]
    """(T, N, ..) the choices after that"""


class SearchPolicy:
    """Searches with the task's heuristics, and with a network if there is one.

    At the first decision of an episode all heuristics (except random play) and the network's most probable plan are
    played, each as it plays alone; later only the task's reference heuristic. The network's samples choose with one
    round of intent. The rest of the budget goes to variations of the best plan.

    Args:
        config: The settings of the worlds.
        budget: What a decision may cost.
        seed: Keys all draws.
        network: A network; its mode does not matter.
        weights: Of the objective's terms, by name; others keep the task's default.
        name: The name under which results are reported.
        heuristics: Names of those to play, the reference first; None: all but random play.
        side_by_side: True = worlds are searched in batches with a network, too. That is faster, but its outputs differ
            in the last bit with the size of a batch, and so may the choices.
    """

    def __init__(
        self,
        config: Config,
        budget: Budget,
        seed: int = 0,
        network: ModelPolicy | None = None,
        weights: Mapping[str, float] | None = None,
        name: str = "search",
        heuristics: Sequence[str] | None = None,
        side_by_side: bool = False,
    ) -> None:
        task = task_of(config)
        self._config, self._budget, self._seed, self._network, self._name = config, budget, seed, network, name
        self._planning = task.planning
        self.objective = Objective(task.planning.objective, weights)
        others = (other for other in task.heuristics if other not in {task.reference, "random"})
        names = [task.reference, *others] if heuristics is None else heuristics
        self._heuristics = [task.heuristics[heuristic](seed) for heuristic in names]
        self._is_alone = network is not None and not side_by_side
        self._kept: dict[tuple[int, int], _Kept] = {}

    @property
    def name(self) -> str:
        """The name under which its results are reported."""
        return self._name

    @property
    def is_deterministic(self) -> bool:
        """False: which plans it tries is drawn for each episode."""
        return False

    def seen_in(self, config: Config) -> Config:
        """The settings of the worlds that it plays: those given, but for how the network sees and chooses."""
        return self._network.seen_in(config) if self._network else config

    def check(self, source: EpisodeSource, config: Config) -> None:  # noqa: ARG002 - as other policies are checked
        """Raises ConfigError if the source's episodes have an unknown future, and the budget no futures."""
        if source.has_hidden_events and not self._budget.futures:
            what = "targets appear or UAVs fail, and no plan may know when"
            raise ConfigError("--search", what, "add futures=4, so that plans are played in drawn futures")

    def act(self, worlds: Worlds, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
        """Actions (B, N, ..), as in `Policy.act`. Raises ConfigError like `check`."""
        self.check(worlds.source, self._config)
        kept: dict[_Episode, _Kept] = {}
        choices = self._planning.waiting(observation)
        for rows in self._groups(worlds):
            best = self._decide(worlds.fork(rows)).best.record.choices
            choices[rows] = best[0]
            for place, row in enumerate(rows.tolist()):
                kept[_episode_of(worlds, row)] = _Kept(int(worlds.state.decision[row]), best[1:, place])
        self._kept = kept
        return self._planning.actions(observation, choices)

    def _groups(self, worlds: Worlds) -> Iterator[NDArray[np.int64]]:
        """The rows that are under way, in parts that are played side by side.

        All rows of a part have a plan from before, or none, and the future of all is known, or of none.

        With a network each world is played alone, unless they are to be searched side by side.
        """
        rows = np.flatnonzero(~worlds.state.ended)
        has_plan = np.array([self._plan_of(worlds, row) is not None for row in rows.tolist()], dtype=np.bool_)
        side_by_side = _VARIATIONS * max(self._budget.futures, 1) * worlds.state.uav_exists.shape[1]
        size = 1 if self._is_alone else max(1, _GROUP_UAVS // side_by_side)
        is_known = _is_future_known(worlds)[rows]
        for is_in in (has_plan & is_known, ~has_plan & is_known, has_plan & ~is_known, ~(has_plan | is_known)):
            part = rows[is_in]
            for first in range(0, part.size, size):
                yield part[first : first + size]

    def _plan_of(self, worlds: Worlds, row: int) -> NDArray[Any] | None:
        """The rest of the best plan of the last decision, if this is the next one, and the plan goes on."""
        kept = self._kept.get(_episode_of(worlds, row))
        is_next = kept and len(kept.choices) and kept.decision + 1 == worlds.state.decision[row]
        return kept.choices if kept and is_next else None

    def _decide(self, worlds: Worlds) -> Decision:
        """Tries plans until the budget is spent."""
        plans, ms = self._budget[:2]
        until_s = time.perf_counter() + ms / 1000.0 * worlds.state.num_worlds
        futures, num_futures = self._futures_of(worlds)
        decision = Decision(futures, num_futures, self._planning, self.objective, self._seed)
        for _ in self._candidates(decision, worlds):
            if decision.num_plans >= plans if plans else time.perf_counter() >= until_s:
                break
        return decision

    def _futures_of(self, worlds: Worlds) -> tuple[Worlds, int]:
        """F futures of each world: the world itself where its future is known, else drawn ones."""
        if _is_future_known(worlds).all():
            return worlds, 1
        num_futures, state = self._budget.futures, worlds.state
        futures = worlds.fork(np.repeat(np.arange(state.num_worlds), num_futures))
        numbers = range(_FIRST_FUTURE, _FIRST_FUTURE + num_futures)
        keys = plan_keys(self._seed, worlds.world_numbers, state.episode, state.decision, numbers)
        self._planning.redraw_future(futures, self._config.generator, keys.ravel())
        return futures, num_futures

    def _candidates(self, decision: Decision, worlds: Worlds) -> Iterator[None]:
        """Tries one batch of plans after the other, without end."""
        known = [self._plan_of(worlds, row) for row in range(worlds.state.num_worlds)]
        plans = [plan for plan in known if plan is not None]
        if plans:
            choices = np.repeat(_stacked(plans), decision.num_futures, axis=1)
            decision.try_pilot(lambda keys: Recorded(self._planning, choices), counts=False)
        elif self._network:
            network = self._network
            decision.try_pilot(lambda keys: Sampled(network, np.full_like(keys, -1), worlds.intent_rounds))
            yield
        for heuristic in self._heuristics[: 1 if plans else None]:
            decision.try_pilot(_following(heuristic))
            yield
        while True:
            yield from self._cycle(decision)

    def _cycle(self, decision: Decision) -> Iterator[None]:
        """Tries samples of the network, then variations."""
        size = self._budget.plans or _CYCLE
        num_left = min(_CYCLE, max(size - decision.num_plans, 1))
        if self._network:
            network, num_sampled = self._network, max(1, min(_SAMPLED, size // 4))
            decision.try_pilot(lambda keys: Sampled(network, keys, 1), num_sampled)
            num_left -= num_sampled
            yield
        while num_left > 0:
            decision.try_variations(min(_VARIATIONS, num_left))
            num_left -= _VARIATIONS
            yield


def _is_future_known(worlds: Worlds) -> BoolArray:
    """(B,) True = the episode has no hidden events: no target appears later, and no UAV fails."""
    if not worlds.source.has_hidden_events:
        return np.ones(worlds.state.num_worlds, dtype=np.bool_)
    shares = worlds.source.hidden_shares(worlds.world_numbers, worlds.state.episode)
    return np.zeros(worlds.state.num_worlds, dtype=np.bool_) if shares is None else (shares == 0.0).all(axis=1)


def _following(policy: Policy) -> PilotMaker:
    """Plans of a policy, which needs no keys."""
    return lambda keys: FollowedPolicy(policy)


_Episode = tuple[int, int]
"""World and episode."""


def _episode_of(worlds: Worlds, row: int) -> _Episode:
    return int(worlds.world_numbers[row]), int(worlds.state.episode[row])


def _stacked(plans: list[NDArray[Any]]) -> NDArray[Any]:
    """(T, B, N, ..) plans (T_b, N, ..) side by side; the last step of the shorter ones is repeated."""
    longest = max(map(len, plans))
    steps = [np.minimum(np.arange(longest), len(plan) - 1) for plan in plans]
    return np.stack([plan[step] for plan, step in zip(plans, steps, strict=True)], axis=1)


def make_searches(
    budget: str, objective: str, config: Config, networks: Sequence[ModelPolicy], seed: int
) -> list[SearchPolicy]:
    """A search with each network, or with the heuristics alone if there is none.

    Args:
        budget: As users write it; empty: no search is asked for.
        objective: Weights as users write them; empty: the task's.
        config: The settings of the worlds.
        networks: The policies beside which the searches play; one that samples is none of its own.
        seed: Keys all draws.

    Raises:
        ConfigError: Budget or weights are none, or there are weights without a budget.
    """
    if not budget:
        if objective:
            raise ConfigError("--objective", "weighs what a search finds, but there is none", "add --search plans=64")
        return []
    parsed, weights = parse_budget(budget), parse_weights(objective) if objective else {}
    found = [network for network in networks if network.mode == "argmax"]
    if not found:
        return [SearchPolicy(config, parsed, seed, None, weights)]
    return [
        SearchPolicy(config, parsed, seed, network, weights, f"{network.name.removesuffix(' argmax')} search")
        for network in found
    ]
