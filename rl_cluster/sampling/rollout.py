"""A policy acting in a batch of worlds for a while, and the columns that come of it.

One rollout is what an env runner holds. Worlds are numbered over all runners of a run, so that the same episodes are
played however many runners share them. How Ray moves a fragment is the ring's business.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.interface import Worlds
from rl_cluster.environment.tasks import make_source, make_worlds
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.acting import act, deliberate, predict_value
from rl_cluster.types import Fragment, Observation

__all__ = ["Rollout", "make_rollout"]


class Rollout:
    """Worlds in flight and the policy that flies them; `sample` goes on where the last call stopped."""

    def __init__(self, worlds: Worlds, model: TransformerGNN, seed: int) -> None:
        self.worlds, self.model, self._seed = worlds, model, seed
        self._observation = worlds.reset()

    def sample(self, num_steps: int, weights_version: int = 0) -> Fragment:
        """T = `num_steps` decision steps of all worlds, with sampled actions."""
        observations: list[Observation[NDArray[Any]]] = []
        columns: dict[str, list[NDArray[Any]]] = {name: [] for name in ("action", "logp", "value", "reward", "ended")}
        outcomes: dict[str, list[NDArray[np.float64]]] = {name: [] for name in self.worlds.metrics}
        for _ in range(num_steps):
            acted = act(self.model, self.worlds, self._observation, self._seed)
            observations.append(acted.observation)
            self._observation, result, ended_outcomes = self.worlds.step(acted.applied)
            row: tuple[NDArray[Any], ...] = (
                acted.action,
                acted.logp,
                acted.value,
                result.reward,
                result.terminated | result.truncated,
            )
            for column, array in zip(columns.values(), row, strict=True):
                column.append(array)
            for name, values in ended_outcomes.items():
                outcomes[name].append(values)
        stacked = {name: np.stack(arrays) for name, arrays in columns.items()}
        return Fragment(
            observation=Observation(*(np.stack(arrays) for arrays in zip(*observations, strict=True))),
            next_value=self._next_value(stacked["value"], stacked["ended"]),
            outcomes={name: np.concatenate(values) for name, values in outcomes.items()},
            weights_version=weights_version,
            **stacked,
        )

    def _next_value(self, value: NDArray[Any], ended: NDArray[Any]) -> NDArray[Any]:
        """(T, B, N) value of the successor, 0 where the episode ended.

        Nothing follows the time limit either: the time left is part of the observation, so the return that the policy
        is trained on really ends there (Pardo et al. 2018, arXiv 1712.00378).
        """
        last = predict_value(self.model, deliberate(self.model, self.worlds, self._observation, self._seed))
        self.worlds.retract()
        successor = np.concatenate([value[1:], last[None]])
        return np.where(ended[..., None], np.float32(0.0), successor)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """The worlds in flight, as arrays by name."""
        return self.worlds.state_dict()

    def load_state_dict(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Goes on from `state_dict`'s worlds."""
        self._observation = self.worlds.load_state_dict(arrays)


def make_rollout(config: Config, runner: int, model: TransformerGNN) -> Rollout:
    """The rollout of env runner number `runner` (from 0) of a run."""
    num_worlds = config.sampling.worlds_per_runner
    source = make_source(config, config.seed, is_training=True)
    worlds = make_worlds(config, source, num_worlds, first_world=runner * num_worlds, is_training=True)
    return Rollout(worlds, model, config.seed)
