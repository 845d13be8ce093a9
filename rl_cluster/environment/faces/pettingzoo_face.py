"""One world behind the standard face of `pettingzoo.ParallelEnv`: every UAV is an agent (extra `pettingzoo`).

>>> import pettingzoo, rl_cluster.environment.faces.pettingzoo_face
>>> env = pettingzoo.make("parallel", "rl_cluster/Allocate-v0")
>>> observations, infos = env.reset(seed=0)
>>> while env.agents:
...     masks = {agent: seen["action_mask"] for agent, seen in observations.items()}
...     actions = {agent: env.action_space(agent).sample(mask) for agent, mask in masks.items()}
...     observations, rewards, terminations, truncations, infos = env.step(actions)
>>> own, *others = env.split(observations["uav_0"]["observation"]).values()
>>> [len(rows) for rows in others]  # UAVs, candidates, zones
[4, 8, 2]

Both ids, `rl_cluster/Allocate-v0` and `rl_cluster/Navigate-v0`, take the arguments of `parallel_env`. Nothing else in
the package imports this file, so that PettingZoo is needed only where it is used.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from numpy.typing import NDArray
from pettingzoo import ParallelEnv, register

from rl_cluster.environment.faces.agent_view import agent_view
from rl_cluster.environment.faces.calls import RENDER_MODES, as_actions, shown
from rl_cluster.environment.faces.face import Face, Setup, load_setup
from rl_cluster.environment.faces.spaces import float_space, mask_space
from rl_cluster.environment.shared.interface import Policy
from rl_cluster.environment.tasks import TASKS
from rl_cluster.errors import CallError
from rl_cluster.types import FloatArray

__all__ = ["SwarmParallelEnv", "parallel_env"]

AgentObservation = FloatArray | dict[str, NDArray[Any]]
Action = int | np.integer[Any] | FloatArray


class SwarmParallelEnv(ParallelEnv[str, AgentObservation, Action]):  # type: ignore[misc] # it ships no types
    """Agents `uav_0` .. of the episode; their number may differ between episodes, and `possible_agents` is the highest.

    An agent's observation is a float32 vector that is the same for every UAV in the same place, so that all can share
    one policy: its own row, its nearest UAVs, its candidates and its nearest zones, one block after the other
    (`agent_view.py` lists their columns). `blocks` gives their shapes by name, `split` takes vectors apart again.

    In `allocate`, observations are dicts of `observation`, the vector, and `action_mask` (1 + C,) int8, 1 = legal; the
    action is Discrete(1 + C): 0 waits, c + 1 flies to candidate c. `infos[agent]["action_mask"]` is the same mask as
    bool. In `navigate` they are the vector itself; the action is Box(2) from -1 to 1. Illegal actions are replaced or
    clipped (`face.py`); `infos[agent]["is_illegal"]` says so.

    Rewards are each UAV's own. All agents end together; then `infos[agent]["outcomes"]` has the episode's metrics. UAVs
    that are grounded or have arrived stay agents until then. `state()` is the whole world's observation as one vector.

    `announce(actions)` is a round of intent before a `step`; `gymnasium_face.py` says when there are several.

    `reset()` starts the next episode, `reset(seed=s)` the first one of seed s. An invalid seed, actions that are
    missing, of another type or of agents that do not exist, and a step before `reset` raise a CallError, which is a
    ValueError. After the end, PettingZoo's own `step({})` returns nothing; any other step is refused.

    Raises:
        ScenarioError: The scenario does not fit the settings (see `Face`).
    """

    def __init__(self, setup: Setup) -> None:
        name = f"rl_cluster_{setup.config.task}_v0"
        self.metadata: dict[str, Any] = {"name": name, "render_modes": list(RENDER_MODES), "is_parallelizable": True}
        self.metadata["render_fps"] = 4
        self.render_mode = setup.render_mode
        self._face = Face(setup, num_worlds=1)
        self._random, _ = seeding.np_random()
        num_uavs, num_actions = self._face.observation.action_mask.shape[1:]
        self.possible_agents = [f"uav_{i}" for i in range(num_uavs)]
        self.agents: list[str] = []
        self.blocks = {name: block.shape[1:] for name, block in self._view().items()}
        """Name -> shape of the parts of an agent's vector, in their order."""
        pairs = {agent: self._spaces(num_actions) for agent in self.possible_agents}
        self.observation_spaces = {agent: pair[0] for agent, pair in pairs.items()}
        self.action_spaces = {agent: pair[1] for agent, pair in pairs.items()}
        self.state_space = float_space(self.state().shape)

    def _spaces(self, num_actions: int) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
        """Observation and action space of an agent."""
        vector = float_space((sum(math.prod(shape) for shape in self.blocks.values()),))
        if self._face.num_controls:
            return vector, spaces.Box(-1.0, 1.0, (self._face.num_controls,), np.float32)
        masked: dict[str, spaces.Space[Any]] = {"observation": vector, "action_mask": mask_space((num_actions,))}
        return spaces.Dict(masked), spaces.Discrete(num_actions)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The space of an agent's observations. Raises CallError if there is no such agent."""
        return self.observation_spaces[self._known(agent)]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The space of an agent's actions. Raises CallError if there is no such agent."""
        return self.action_spaces[self._known(agent)]

    def split(self, observation: FloatArray) -> dict[str, FloatArray]:
        """The blocks of vectors (..., F), by name."""
        ends = np.cumsum([math.prod(shape) for shape in self.blocks.values()])
        parts = np.split(observation, ends[:-1], axis=-1)
        return {
            name: part.reshape(*observation.shape[:-1], *shape)
            for part, (name, shape) in zip(parts, self.blocks.items(), strict=True)
        }

    def state(self) -> FloatArray:
        """The observation of the whole world, field after field."""
        return np.concatenate([array[0].ravel() for array in self._face.observation], dtype=np.float32)

    def reset(
        self,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, AgentObservation], dict[str, dict[str, Any]]]:
        """Starts an episode; `options={"world": number}` beside a seed starts that of another world of the seed."""
        self._face.begin(seed, self._random, options)
        exists = self._face.worlds.state.uav_exists[0]
        self.agents = [agent for i, agent in enumerate(self.possible_agents) if exists[i]]
        return self._see(), self._masks(self._uavs())

    @property
    def intent_rounds(self) -> int:
        """How often UAVs choose before they fly, by the settings: all but the last are announcements."""
        return self._face.worlds.intent_rounds

    def announce(self, actions: dict[str, Action]) -> tuple[dict[str, AgentObservation], dict[str, dict[str, Any]]]:
        """Announces what the agents mean to do; nothing moves. Returns what they see when they choose anew."""
        self._face.check_turn()
        self._face.announce(self._collect(actions, self._uavs()))
        return self._see(), self._masks(self._uavs())

    def actions_of(self, policy: Policy) -> dict[str, Action]:
        """The actions that a policy of this package chooses now, its announcements included."""
        actions = self._face.actions_of(policy)[0]
        return {agent: actions[i] for agent, i in self._uavs().items()}

    def render(self) -> NDArray[np.uint8] | None:
        """A picture (600, 600, 3) for `rgb_array`; None for `human`, which shows every step in a window."""
        return self._face.render()

    def close(self) -> None:
        """Closes the window of `human`."""
        self._face.close()

    def _masks(self, uavs: dict[str, int]) -> dict[str, dict[str, Any]]:
        """`action_mask` (1 + C,) bool of each agent that chooses; nothing of one that has controls."""
        if self._face.num_controls:
            return {agent: {} for agent in uavs}
        masks = self._face.observation.action_mask[0].copy()
        return {agent: {"action_mask": masks[i]} for agent, i in uavs.items()}

    def step(
        self, actions: dict[str, Action]
    ) -> tuple[
        dict[str, AgentObservation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]
    ]:
        """Steps the world once with an action of each agent. Raises CallError as the class says."""
        if self._face.has_begun and not self.agents and actions == {}:
            return {}, {}, {}, {}, {}
        self._face.check_turn()
        uavs = self._uavs()
        result, is_illegal = self._face.advance(self._collect(actions, uavs))
        self._face.observe()
        rewards = {agent: float(result.reward[0, i]) for agent, i in uavs.items()}
        infos = self._masks(uavs)
        for agent, i in uavs.items():
            infos[agent]["is_illegal"] = bool(is_illegal[0, i])
        terminated, truncated = bool(result.terminated[0]), bool(result.truncated[0])
        observations = self._see()
        if terminated or truncated:
            outcomes = {name: float(values[0]) for name, values in self._face.outcomes().items()}
            for info in infos.values():
                info["outcomes"] = outcomes
            self.agents = []
        return observations, rewards, dict.fromkeys(uavs, terminated), dict.fromkeys(uavs, truncated), infos

    def _collect(self, actions: dict[str, Action], uavs: dict[str, int]) -> NDArray[Any]:
        """(1, N) choices or (1, N, 2) controls; 0, which is legal, for UAVs that do not exist."""
        if not isinstance(actions, dict):
            raise CallError("step", f"got {shown(actions)}", "give {agent: action, ..} of env.agents")
        for agent in actions.keys() ^ uavs.keys():
            what = f"there is no action of {agent}" if agent in uavs else f"there is no agent {shown(agent)} now"
            raise CallError("step", what, "give an action to each of env.agents, and to nobody else")
        num_controls, num_uavs = self._face.num_controls, len(self.possible_agents)
        shape = (num_controls,) * bool(num_controls)
        collected = np.zeros((1, num_uavs, *shape), np.float64 if num_controls else np.int64)
        for agent, i in uavs.items():
            collected[0, i] = as_actions(actions[agent], shape, num_controls, f"step: {agent}")
        return collected

    def _see(self) -> dict[str, AgentObservation]:
        """What each agent sees."""
        blocks = self._view().values()
        vectors = np.concatenate([block.reshape(len(block), -1) for block in blocks], axis=1)
        if self._face.num_controls:
            return {agent: vectors[i] for agent, i in self._uavs().items()}
        masks = self._face.observation.action_mask[0].astype(np.int8)
        return {agent: {"observation": vectors[i], "action_mask": masks[i]} for agent, i in self._uavs().items()}

    def _view(self) -> dict[str, FloatArray]:
        return agent_view(self._face.observation, self._face.worlds.state.uav_heading_rad[0])

    def _known(self, agent: str) -> str:
        if agent not in self.observation_spaces:
            what, last = f"there is no agent {shown(agent)}", self.possible_agents[-1]
            raise CallError("environment", what, f"choose one of uav_0 .. {last}")
        return agent

    def _uavs(self) -> dict[str, int]:
        """Agent -> index of its UAV."""
        return {agent: self.possible_agents.index(agent) for agent in self.agents}


def parallel_env(
    preset: str,
    overrides: Sequence[str] = (),
    scenario: str | None = None,
    is_training: bool = True,
    task: str = "",
    render_mode: str | None = None,
) -> SwarmParallelEnv:
    """One world; arguments as in `make_env` of `gymnasium_face.py`.

    Raises:
        CallError: `overrides` is no list of texts, or there is no such `render_mode`, or no screen for it.
        ConfigError: The settings cannot be loaded, or are of another task.
        ScenarioError: The scenario cannot be loaded, or does not fit the settings.
    """
    return SwarmParallelEnv(load_setup(preset, overrides, scenario, is_training, task, render_mode))


for _task in TASKS.values():
    register(
        "parallel",
        f"rl_cluster/{_task.name.capitalize()}-v0",
        "rl_cluster.environment.faces.pettingzoo_face:parallel_env",
        kwargs={"preset": _task.preset, "task": _task.name},
    )
