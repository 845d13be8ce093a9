"""The only way to score a policy: every policy plays the same numbered episodes, each from its start to its end.

Episode e is episode 0 of world number e of the source, whatever the batch size. `comparison.py` turns the scores into
intervals and differences; `trace.py` writes what happened on the way.
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeSource, Policy, StepResult, Worlds
from rl_cluster.environment.tasks import make_worlds
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.acting import Tell, act
from rl_cluster.sampling.view import with_view_of
from rl_cluster.types import Observation

__all__ = ["ModelPolicy", "Observer", "Progress", "Seeing", "evaluate"]

Progress = Callable[[str, int], None]
"""Called before each batch with the policy's name and the number of its episodes that are done."""


class Observer(Protocol):
    """Watches a batch of episodes. It must change nothing."""

    def on_start(self, policy_name: str, worlds: Worlds) -> None:
        """The worlds stand at the start of their episodes."""

    def on_step(
        self, worlds: Worlds, observation: Observation[NDArray[Any]], actions: NDArray[Any], result: StepResult
    ) -> None:
        """The actions, held against the observation, have been flown for one decision interval."""

    def on_end(self, outcomes: dict[str, NDArray[np.float64]]) -> None:
        """All episodes have ended; metric -> (B,) values."""


@runtime_checkable
class Seeing(Protocol):
    """A policy that sees worlds, and chooses in them, in a way of its own."""

    def seen_in(self, config: Config) -> Config:
        """The settings of the worlds that it plays: those given, but for how it sees and chooses."""


class ModelPolicy:
    """A network as a policy.

    Args:
        model: The network, on the device where it is to run.
        mode: argmax takes the most probable actions; sampled draws them, keyed by (seed, world, episode, decision).
        seed: Keys the draws.
        name: The network's name; the mode is appended to it.
        tell: Changes the observations that the network sees, to tell it what is preferred (`Task.tell`).
        trained: The settings that the network was trained with: it sees and chooses by theirs (`view.py`). None: by the
            settings of the worlds that it plays.
    """

    def __init__(
        self,
        model: TransformerGNN,
        mode: Literal["argmax", "sampled"],
        seed: int = 0,
        name: str = "policy",
        tell: Tell | None = None,
        trained: Config | None = None,
    ) -> None:
        self._name = f"{name} {mode}"
        self.model, self.mode, self.tell, self._trained = model, mode, tell, trained
        self._seed = seed if mode == "sampled" else None

    @property
    def name(self) -> str:
        """The name under which its results are reported."""
        return self._name

    @property
    def is_deterministic(self) -> bool:
        """True = it takes the most probable actions, and draws none."""
        return self._seed is None

    def act(self, worlds: Worlds, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
        """Actions (B, N), or controls (B, N, 2), as in `Policy.act`."""
        return act(self.model, worlds, observation, self._seed, tell=self.tell).applied

    def seen_in(self, config: Config) -> Config:
        """The settings of the worlds that it plays: those given, but for how it sees and chooses."""
        return with_view_of(config, self._trained) if self._trained else config


def evaluate(
    policy: Policy,
    source: EpisodeSource,
    config: Config,
    num_episodes: int,
    *,
    batch_size: int = 64,
    observer: Observer | None = None,
    progress: Progress | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Metric name -> (E,) float64, one value per episode 0 .. `num_episodes` - 1 of the source.

    Args:
        source: The episodes; made for the task of the config.
        config: The settings whose world and reward apply.
        batch_size: Episodes played side by side; it affects only speed and memory.
        observer: Sees every step, batch by batch.
        progress: Called before each batch.
    """
    tell = progress or _tell_nobody
    config = policy.seen_in(config) if isinstance(policy, Seeing) else config
    batches = []
    for first in range(0, num_episodes, batch_size):
        tell(policy.name, first)
        num_worlds = min(batch_size, num_episodes - first)
        batches.append(_play(policy, make_worlds(config, source, num_worlds, first), observer))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _tell_nobody(policy_name: str, num_done: int) -> None:
    """The default `progress`: reports nothing."""


def _play(policy: Policy, worlds: Worlds, observer: Observer | None) -> dict[str, NDArray[np.float64]]:
    """Outcomes of one episode of every world."""
    observation = worlds.reset()
    if observer:
        observer.on_start(policy.name, worlds)
    while not worlds.state.ended.all():
        actions, seen = policy.act(worlds, observation), worlds.observation
        result = worlds.advance(actions)
        if observer:
            observer.on_step(worlds, seen, actions, result)
        observation = worlds.observe()
    outcomes = worlds.outcomes(worlds.state.ended)
    if observer:
        observer.on_end(outcomes)
    return outcomes
