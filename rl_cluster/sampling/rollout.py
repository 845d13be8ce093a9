"""A policy acts in a batch of worlds for a while, and its steps become columns.

Each env runner holds one rollout. Worlds are numbered across all runners of a run, so that the same episodes are played
however many runners share them. The ring decides how Ray moves a fragment.
"""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.environment.tasks import make_source, make_worlds
from rl_cluster.errors import ScenarioError
from rl_cluster.metrics.stopwatch import Stopwatch
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.acting import act, deliberate, predict_value
from rl_cluster.sampling.expert import Expert, make_expert
from rl_cluster.types import BoolArray, FloatArray, Fragment, IntArray, Observation, StageMix

__all__ = ["Rollout", "make_rollout"]

logger = logging.getLogger(__name__)


class Rollout:
    """Worlds in flight and the policy that flies them; `sample` continues where the last call stopped.

    Args:
        worlds: For training.
        model: The policy's network.
        seed: Keys its draws.
        expert: Whose choices are to be imitated; None: nobody's.
    """

    def __init__(self, worlds: Worlds, model: TransformerGNN, seed: int, expert: Expert | None = None) -> None:
        self.worlds, self.model, self._seed, self._expert = worlds, model, seed, expert
        self._mix: StageMix | None = None
        self._observation = worlds.reset()

    def set_mix(self, mix: StageMix | None) -> None:
        """Sets the stages of a curriculum that new episodes are drawn from. Setting the same mixture changes nothing.

        Episodes under way are played to their end; those in which no UAV has acted yet start again.
        """
        if mix is not None and mix != self._mix:
            self._mix, self._observation = mix, self.worlds.set_mix(mix)

    def sample(self, num_steps: int, weights_version: int = 0) -> Fragment:
        """Plays T = `num_steps` decision steps of all worlds, with sampled actions.

        An episode whose numbers are no longer finite is given up, and nothing is learnt from its last step. Raises
        ScenarioError if that happens to more than half as many episodes as there are worlds.
        """
        observations: list[Observation[NDArray[Any]]] = []
        columns: dict[str, list[NDArray[Any]]] = {name: [] for name in ("action", "logp", "value", "reward", "ended")}
        outcomes: dict[str, list[NDArray[np.float64]]] = {name: [] for name in self.worlds.metrics}
        stopwatch = Stopwatch()
        num_broken = self._give_up(~_is_finite(self._observation))
        experts: list[IntArray] = []
        for _ in range(num_steps):
            advised = self._expert.advise(self.worlds, self.model) if self._expert else None
            stopwatch.lap("inference")
            acted = act(self.model, self.worlds, self._observation, self._seed, stopwatch.lap)
            observations.append(acted.observation)
            if self._expert and advised is not None:
                experts.append(self._expert.actions(advised, acted.observation))
            self._observation, result, ended_outcomes = self.worlds.step(acted.applied)
            has_ended, is_broken = result.terminated | result.truncated, ~_is_finite(self._observation, result.reward)
            num_broken += self._give_up(is_broken)
            stopwatch.lap("env")
            row: tuple[NDArray[Any], ...] = (
                acted.action,
                acted.logp,
                acted.value,
                np.where(is_broken[:, None], acted.value, result.reward),  # reward = value: no advantage
                has_ended | is_broken,
            )
            for column, array in zip(columns.values(), row, strict=True):
                column.append(array)
            for name, values in ended_outcomes.items():
                outcomes[name].append(values[~is_broken[has_ended]])
            stopwatch.lap("connector")
        _check_broken(num_broken, len(self._observation.uav))
        stacked = {name: np.stack(arrays) for name, arrays in columns.items()}
        observation = Observation(*(np.stack(arrays) for arrays in zip(*observations, strict=True)))
        joined = {name: np.concatenate(values) for name, values in outcomes.items()}
        stopwatch.lap("connector")
        next_value = self._next_value(stacked["value"], stacked["ended"])
        stopwatch.lap("inference")
        return Fragment(
            observation=observation,
            next_value=next_value,
            outcomes=joined,
            seconds=stopwatch.seconds,
            weights_version=weights_version,
            expert=np.stack(experts) if experts else None,
            num_broken=num_broken,
            **stacked,
        )

    def _give_up(self, is_broken: BoolArray) -> int:
        """Starts the next episode in these worlds (B,), and returns how many there are."""
        if is_broken.any():
            self.worlds.give_up(is_broken)
            self.worlds.reset_ended()
            self._observation = self.worlds.observe()
        return int(is_broken.sum())

    def _next_value(self, value: NDArray[Any], ended: NDArray[Any]) -> NDArray[Any]:
        """(T, B, N) value of the successor, 0 where the episode ended.

        It is 0 after the time limit, too: the time left is part of the observation, so the return that the policy is
        trained on really ends there (Pardo et al. 2018, arXiv 1712.00378).
        """
        last = predict_value(self.model, deliberate(self.model, self.worlds, self._observation, self._seed))
        self.worlds.retract()
        successor = np.concatenate([value[1:], last[None]])
        return np.where(ended[..., None], np.float32(0.0), successor)

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """The worlds in flight, as arrays by name."""
        return self.worlds.state_dict()

    def load_state_dict(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continues with `state_dict`'s worlds."""
        self._observation = self.worlds.load_state_dict(arrays)


def _is_finite(observation: Observation[NDArray[Any]], *rewards: FloatArray) -> BoolArray:
    """(B,) True = rewards (B, N) and the observed UAVs, targets and positions are finite. Sums show it."""
    seen = (observation.uav, observation.target, observation.position)
    totals = [array.sum(axis=(1, 2)) for array in seen] + [reward.sum(axis=1) for reward in rewards]
    is_finite: BoolArray = np.isfinite(np.stack(totals)).all(axis=0)
    return is_finite


def _check_broken(num_broken: int, num_worlds: int) -> None:
    if num_broken:
        logger.warning("%d episodes of %d worlds were given up: their numbers were not finite", num_broken, num_worlds)
    if num_broken > num_worlds / 2:
        what = f"{num_broken} episodes of {num_worlds} worlds gave numbers that are not finite"
        raise ScenarioError("worlds", what, "look for extreme values in the generator's and the world's settings")


def make_rollout(config: Config, runner: int, model: TransformerGNN) -> Rollout:
    """The rollout of a run's env runner number `runner`, from 0."""
    num_worlds = config.sampling.worlds_per_runner
    source = make_source(config, config.seed, is_training=True)
    worlds = make_worlds(config, source, num_worlds, first_world=runner * num_worlds, is_training=True)
    return Rollout(worlds, model, config.seed, make_expert(config))
