"""One decision of a search: candidate plans for B worlds, each played to its end, and the best of each world.

Where the future is not known, every plan is played in F drawn futures, the same for all plans of a world (common
random numbers), and is worth their mean. What happens to one world does not depend on the others.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.environment.shared.keyed_random import plan_keys
from rl_cluster.environment.shared.planning import Pilot, Planning, Record
from rl_cluster.sampling.search.objective import Objective
from rl_cluster.sampling.search.playing import Played, play
from rl_cluster.types import BoolArray

__all__ = ["Decision", "PilotMaker"]

PilotMaker = Callable[[NDArray[np.int64]], Pilot[Worlds]]
"""Keys (P,), one for each row that the pilot is to fly -> the pilot."""


class Decision:
    """The worlds at a decision, and the best plan so far of each.

    Args:
        futures: B times F worlds, all under way: F futures of each world, one after the other. They are not changed.
        num_futures: F.
        planning: Of the worlds' task.
        objective: What plans are valued by.
        seed: Keys the draws of plans.
    """

    def __init__(
        self, futures: Worlds, num_futures: int, planning: Planning[Worlds], objective: Objective, seed: int
    ) -> None:
        self._futures, self.num_futures = futures, num_futures
        self._planning, self._objective, self._seed = planning, objective, seed
        self.num_worlds = futures.state.num_worlds // num_futures
        self.num_plans = 0
        """Plans tried in each world; it numbers them, and so keys their draws."""
        self.is_new: BoolArray = np.zeros(self.num_worlds, dtype=np.bool_)
        """(B,) True = the best plan's own routes have not been played yet"""
        self._best: Played | None = None

    @property
    def best(self) -> Played:
        """The best plan of each world, as it was played in the first future."""
        assert self._best, "no plan has been tried"
        return self._best

    def try_pilot(self, make_pilot: PilotMaker, num_plans: int = 1, *, counts: bool = True) -> None:
        """Plays K plans of a pilot in every world, and keeps the best of each world.

        Args:
            make_pilot: Makes the pilot.
            num_plans: K.
            counts: False = the plans have no numbers.
        """
        shape = (self.num_worlds, num_plans, self.num_futures)
        rows = np.arange(self.num_worlds * self.num_futures).reshape(-1, 1, self.num_futures)
        keys = np.repeat(self._keys(num_plans), self.num_futures, axis=1)
        fork = self._futures.fork(np.broadcast_to(rows, shape).ravel())
        played = play(fork, make_pilot(keys.ravel()), self._planning, self._objective)
        self.num_plans += num_plans * counts
        value = played.value.reshape(shape).mean(axis=2)
        best = value.argmax(axis=1)
        first = np.arange(self.num_worlds) * num_plans + best
        record = Record(*(steps[:, first * self.num_futures] for steps in played.record))
        self._keep(Played(value[np.arange(self.num_worlds), best], record))

    def try_variations(self, num_plans: int) -> None:
        """Plays K variations of each world's best plan. The first one after a new best plan flies just its routes."""
        record, is_new = self.best.record, self.is_new
        parents = np.repeat(np.arange(self.num_worlds), num_plans * self.num_futures)
        worlds = self._futures.fork(np.arange(self.num_worlds) * self.num_futures)

        def make(keys: NDArray[np.int64]) -> Pilot[Worlds]:
            of_plans = keys.reshape(self.num_worlds, num_plans, self.num_futures)
            of_plans[is_new, 0] = -1
            return self._planning.variations(worlds, record, parents, keys)

        self.is_new = np.zeros(self.num_worlds, dtype=np.bool_)
        self.try_pilot(make, num_plans)

    def _keys(self, num_plans: int) -> NDArray[np.int64]:
        """(B, K) keys of the next plans."""
        state, first = self._futures.state, slice(None, None, self.num_futures)
        plans = range(self.num_plans, self.num_plans + num_plans)
        numbers = self._futures.world_numbers[first]
        return plan_keys(self._seed, numbers, state.episode[first], state.decision[first], plans)

    def _keep(self, played: Played) -> None:
        if self._best is None:
            self._best, self.is_new = played, np.ones(self.num_worlds, dtype=np.bool_)
            return
        is_better = played.value > self._best.value
        self.is_new |= is_better
        if is_better.any():
            records = zip(self._best.record, played.record, strict=True)
            record = Record(*(_merged(old, new, is_better) for old, new in records))
            self._best = Played(np.where(is_better, played.value, self._best.value), record)


def _merged(old: NDArray[Any], new: NDArray[Any], is_new: BoolArray) -> NDArray[Any]:
    """(T, B, ..) the new columns where they are better; the last step is repeated to equal lengths."""
    longest = max(len(old), len(new))
    old, new = (np.concatenate([one, np.repeat(one[-1:], longest - len(one), axis=0)]) for one in (old, new))
    old[:, is_new] = new[:, is_new]
    return old
