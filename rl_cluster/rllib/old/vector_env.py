"""Batched worlds as a VectorEnv, from which the env runners of RLlib's old API stack take one world after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.env.env_context import EnvContext
from ray.rllib.env.vector_env import VectorEnv

from rl_cluster.environment.faces.face import team_reward, to_dict
from rl_cluster.environment.faces.spaces import ObservationDict, spaces_of
from rl_cluster.environment.tasks import make_source, make_worlds
from rl_cluster.extension.users_fault import UsersFault, telling_users_faults
from rl_cluster.metrics.record import Experience, sum_outcomes
from rl_cluster.types import Observation, StageMix

__all__ = ["SwarmVectorEnv"]


class SwarmVectorEnv(VectorEnv):
    """Worlds i * B .. (i + 1) * B - 1 of a run for env runner number i; the reward is the team's.

    The time limit counts as an end, not as a cut: the time left is part of the observation, so nothing follows it
    (Pardo et al. 2018, arXiv 1712.00378). RLlib would add the value of the next observation.

    Args:
        context: `context["run"]` is the run's config. RLlib counts remote env runners from 1.
    """

    _fault: UsersFault | None = None
    """What a user's module has raised in a remote env runner, whose worlds then stand still. If it were raised there,
    RLlib would end the actor and make another one, and nobody would learn why."""

    def __init__(self, context: EnvContext) -> None:
        run, runner = context["run"], max(0, context.worker_index - 1)
        num_worlds = run.sampling.worlds_per_runner
        super().__init__(*spaces_of(run), num_envs=num_worlds)
        self._source = make_source(run, run.seed, is_training=True)
        self.worlds = make_worlds(run, self._source, num_worlds, first_world=runner * num_worlds, is_training=True)
        self._rows = _split(self.worlds.reset())
        self._is_remote = context.worker_index > 0
        self._env_steps, self._agent_steps, self._episodes = 0, 0, 0
        self._outcomes = self._no_outcomes()

    def _no_outcomes(self) -> dict[str, list[NDArray[np.float64]]]:
        return {name: [] for name in self.worlds.metrics}

    def set_mix(self, mix: StageMix) -> None:
        """Draws the next episodes from another mixture of stages. RLlib holds observations of all begun episodes."""
        self._source.set_mix(mix)

    def take_experience(self) -> Experience | UsersFault:
        """The experience since the last call, or why there is none."""
        if self._fault:
            return self._fault
        outcomes = {name: np.concatenate([np.empty(0), *values]) for name, values in self._outcomes.items()}
        experience = Experience(self._env_steps, self._agent_steps, self._episodes, sum_outcomes(outcomes))
        self._env_steps, self._agent_steps, self._episodes = 0, 0, 0
        self._outcomes = self._no_outcomes()
        return experience

    def vector_reset(self, **_: Any) -> tuple[list[ObservationDict], list[dict[str, Any]]]:
        """The first observations of the worlds, which begin by themselves. Ignores seeds, because the run has one."""
        return self._rows, [{} for _ in range(self.num_envs)]

    def reset_at(self, index: int | None = None, **_: Any) -> tuple[ObservationDict, dict[str, Any]]:
        """The first observation of the next episode of a world that has ended."""
        with self._keeping_faults():
            if not self._fault and self.worlds.state.ended.any():
                self.worlds.reset_ended()
                self._rows = _split(self.worlds.observe())
        return self._rows[index or 0], {}

    def vector_step(self, actions: list[NDArray[Any]]) -> tuple[list[Any], ...]:
        """Observations, team rewards, ends, cuts (none) and infos of all worlds."""
        rewards, ended = [0.0] * self.num_envs, [False] * self.num_envs
        with self._keeping_faults():
            if not self._fault:
                rewards, ended = self._step(actions)
        return self._rows, rewards, ended, [False] * self.num_envs, [{} for _ in range(self.num_envs)]

    def _step(self, actions: list[NDArray[Any]]) -> tuple[list[float], list[bool]]:
        """Team rewards and ends."""
        state = self.worlds.state
        self._env_steps += self.num_envs
        self._agent_steps += int(state.uav_exists.sum())
        applied = np.stack(actions)
        result = self.worlds.advance(applied.astype(np.int16 if applied.ndim == 2 else np.float32))
        ended = result.terminated | result.truncated
        if ended.any():
            self._episodes += int(ended.sum())
            for name, values in self.worlds.outcomes(ended).items():
                self._outcomes[name].append(values)
        self._rows = _split(self.worlds.observe())
        return team_reward(self.worlds, result).tolist(), ended.tolist()

    @contextmanager
    def _keeping_faults(self) -> Iterator[None]:
        try:
            with telling_users_faults():
                yield
        except UsersFault as fault:
            if not self._is_remote:
                raise
            self._fault = fault


def _split(observation: Observation[NDArray[Any]]) -> list[ObservationDict]:
    """The observations world by world, as views."""
    columns = to_dict(observation)
    return [{name: column[world] for name, column in columns.items()} for world in range(len(observation.mask))]
