"""The worlds behind the standard faces of `gymnasium.Env` and `gymnasium.vector.VectorEnv`, for other libraries.

The swarm is one agent: one observation, one action per UAV, the team's reward. In `pettingzoo_face.py` each UAV is an
agent.

One world:

>>> import gymnasium, rl_cluster.environment.faces.gymnasium_face
>>> env = gymnasium.make("rl_cluster/Allocate-v0")
>>> observation, info = env.reset(seed=0)
>>> is_over = False
>>> while not is_over:
...     action = info["action_mask"].argmax(axis=1)  # 0: all wait
...     observation, reward, terminated, truncated, info = env.step(action)
...     is_over = terminated or truncated
>>> info["outcomes"]["satisfied_rate"]
0.0

Eight worlds that step together and restart on their own:

>>> envs = gymnasium.make_vec("rl_cluster/Allocate-v0", num_envs=8, vectorization_mode="vector_entry_point")
>>> observations, infos = envs.reset(seed=0)
>>> for _ in range(10):
...     observations, rewards, terminated, truncated, infos = envs.step(envs.action_space.sample())
>>> observations["decides"].shape, rewards.shape, infos["uav_reward"].shape
((8, 8), (8,), (8, 8))

Both ids, `rl_cluster/Allocate-v0` and `rl_cluster/Navigate-v0`, take the arguments of `make_env`.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rl_cluster.environment.faces.calls import RENDER_MODES, as_seed, check_num_envs, check_render_mode
from rl_cluster.environment.faces.face import Face, Setup, load_setup, to_dict
from rl_cluster.environment.faces.spaces import ObservationDict, action_space, observation_space
from rl_cluster.environment.shared.interface import Policy
from rl_cluster.environment.tasks import TASKS
from rl_cluster.types import FloatArray

__all__ = ["SwarmEnv", "SwarmVectorEnv", "make_env", "make_vector_env"]

Actions = NDArray[Any]


class SwarmEnv(gymnasium.Env[ObservationDict, Actions]):
    """One world of either task.

    Observation: a dict of the fields of `Observation`, without the batch axis; masks are int8, 1 = True.
    Action of `allocate`: MultiDiscrete, per UAV 0 to wait, c + 1 to fly to candidate c. An action that `action_mask`
    forbids is replaced by waiting, or by the UAV's only legal action where it may not wait.
    Action of `navigate`: Box (N, 2) from -1 to 1, two controls per UAV; values outside are clipped.
    Reward: mean over the UAVs that exist of their rewards in this step.
    `terminated`: the task is done. `truncated`: the time limit, or (allocate) a deadlock.
    `info`: of `allocate`, `action_mask` (N, 1 + C) bool; after a step `uav_reward` (N,) and `num_illegal_actions`, how
    many were replaced or clipped; at the end `outcomes`, the episode's metrics by name.

    Rounds of intent: where `intent_rounds` is above 1, a policy of this package announces what it means to do, sees
    what all UAVs have announced, and chooses again. `announce(action)` does that for others, any number of times before
    a `step`; nothing moves. Where UAVs choose in turn (`world.choose_in_turn`), `choose(scores)` turns the
    log-probabilities of a network into an action as this package does. `action_of(policy)` does all of it.

    `reset()` starts the next episode, `reset(seed=s)` the first one of seed s; a first `reset()` without a seed draws
    one. `reset(seed=1000, options={"world": e})` with `is_training=False` is episode e of `rl-cluster evaluate`. The
    spaces follow from the settings alone: a scenario is padded to them. An invalid seed, actions of another shape or
    type, and a step before `reset` or after the end raise a CallError, which is a ValueError.

    Raises:
        ScenarioError: The scenario does not fit the settings (see `Face`).
    """

    def __init__(self, setup: Setup) -> None:
        self.metadata = {"render_modes": list(RENDER_MODES), "render_fps": 4}
        self.render_mode = setup.render_mode
        self._face = Face(setup, num_worlds=1)
        self.observation_space = observation_space(self._face.observation)
        self.action_space = action_space(self._face.observation, self._face.num_controls)

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[ObservationDict, dict[str, Any]]:
        """Starts an episode; `options={"world": number}` beside a seed starts that of another world of the seed."""
        seed = as_seed(seed)
        super().reset(seed=seed)
        self._face.begin(seed, self.np_random, options)
        return self._see(), self._mask()

    @property
    def intent_rounds(self) -> int:
        """How often UAVs choose before they fly, by the settings: all but the last are announcements."""
        return self._face.worlds.intent_rounds

    def announce(self, action: Actions) -> tuple[ObservationDict, dict[str, Any]]:
        """Announces what the UAVs mean to do. Returns the observation and the mask in which they choose anew."""
        self._face.announce([action])
        return self._see(), self._mask()

    def choose(self, scores: FloatArray) -> Actions:
        """The action of the highest scores (N, 1 + C), log-probabilities of a network; see `Face.choose`."""
        action: Actions = self._face.choose(np.asarray(scores)[None])[0]
        return action

    def action_masks(self) -> NDArray[np.bool_]:
        """(N (1 + C),) True = legal, UAV after UAV, in the form of other libraries; empty where UAVs have controls."""
        mask = self._mask().get("action_mask", np.zeros(0, dtype=np.bool_))
        return mask.ravel()

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]  # gymnasium's is typed more loosely
        """A picture (600, 600, 3) for `rgb_array`; None for `human`, which shows every step in a window."""
        return self._face.render()

    def close(self) -> None:
        """Closes the window of `human`."""
        self._face.close()

    def step(self, action: Actions) -> tuple[ObservationDict, float, bool, bool, dict[str, Any]]:
        """Steps the world once."""
        self._face.check_turn()
        result, is_illegal = self._face.advance([action])
        self._face.observe()
        terminated, truncated = bool(result.terminated[0]), bool(result.truncated[0])
        info = {**self._mask(), "uav_reward": result.reward[0], "num_illegal_actions": int(is_illegal.sum())}
        if terminated or truncated:
            info["outcomes"] = {name: float(values[0]) for name, values in self._face.outcomes().items()}
        return self._see(), float(self._face.team_reward(result)[0]), terminated, truncated, info

    def action_of(self, policy: Policy) -> Actions:
        """The action that a policy of this package chooses now: a heuristic, a network or a search.

        A network announces first where the settings say so; its announcements are part of the call.
        """
        action: Actions = self._face.actions_of(policy)[0]
        return action

    def _see(self) -> ObservationDict:
        return _world(to_dict(self._face.observation), 0)

    def _mask(self) -> dict[str, Any]:
        return {name: mask[0] for name, mask in _masks(self._face).items()}


class SwarmVectorEnv(VectorEnv[ObservationDict, Actions, NDArray[Any]]):
    """B worlds of either task, in one call of the kernels per step. See `SwarmEnv` for what a world is.

    Observations are dicts of arrays (B, ...), rewards (B,). A world that ends begins its next episode in the same step
    (`AutoresetMode.SAME_STEP`): `infos["final_obs"]` and `infos["final_info"]`, where `infos["_final_obs"]` (B,) is
    True, hold what a `SwarmEnv` would have returned. `infos["uav_reward"]` (B, N) and `infos["num_illegal_actions"]`
    (B,) are those of this step in every world, `infos["action_mask"]` goes with the observations.

    `reset(seed=s)` starts the first episodes of worlds 0 .. B - 1 of seed s: they differ from each other, world 0 is
    that of a `SwarmEnv`, and no world depends on B.

    Raises:
        ScenarioError: The scenario does not fit the settings (see `Face`).
    """

    def __init__(self, setup: Setup, num_envs: int) -> None:
        check_num_envs(num_envs)
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}
        self.num_envs = num_envs
        self._face = Face(setup, num_envs)
        self.single_observation_space = observation_space(self._face.observation)
        self.single_action_space = action_space(self._face.observation, self._face.num_controls)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[ObservationDict, dict[str, Any]]:
        """Starts an episode in every world; `options={"world": number}` beside a seed says the first one's number."""
        seed = as_seed(seed)
        super().reset(seed=seed)
        self._face.begin(seed, self.np_random, options)
        return to_dict(self._face.observation), self._with_presence(_masks(self._face))

    def step(
        self, actions: Actions
    ) -> tuple[ObservationDict, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Steps every world once, and begins the next episode in those that end."""
        self._face.check_turn()
        result, is_illegal = self._face.advance(actions)
        rewards = self._face.team_reward(result)
        infos = {"uav_reward": result.reward, "num_illegal_actions": is_illegal.sum(axis=1)}
        ended = np.flatnonzero(result.terminated | result.truncated)
        final: dict[str, Any] = {}
        if ended.size:
            final = self._final(ended, infos)
            self._face.reset_ended()
        else:
            self._face.observe()
        infos = self._with_presence({**_masks(self._face), **infos})
        return to_dict(self._face.observation), rewards, result.terminated, result.truncated, infos | final

    @property
    def intent_rounds(self) -> int:
        """As of `SwarmEnv`."""
        return self._face.worlds.intent_rounds

    def announce(self, actions: Actions) -> tuple[ObservationDict, dict[str, Any]]:
        """Announces what the UAVs of all worlds mean to do, as `SwarmEnv.announce`."""
        self._face.announce(actions)
        return to_dict(self._face.observation), self._with_presence(_masks(self._face))

    def choose(self, scores: FloatArray) -> Actions:
        """The actions of the highest scores (B, N, 1 + C); see `Face.choose`."""
        return self._face.choose(scores)

    def actions_of(self, policy: Policy) -> Actions:
        """The actions that a policy of this package chooses now in all worlds, as `SwarmEnv.action_of`."""
        return self._face.actions_of(policy)

    def _final(self, ended: NDArray[np.intp], infos: dict[str, NDArray[Any]]) -> dict[str, Any]:
        """`final_obs` and `final_info` of the worlds that have ended, in gymnasium's form."""
        seen, outcomes = to_dict(self._face.observe()), self._face.outcomes()
        infos = {**_masks(self._face), **infos}
        final: dict[str, Any] = {}
        for row, b in enumerate(ended):
            info: dict[str, Any] = _world(infos, b)
            info["outcomes"] = {name: float(values[row]) for name, values in outcomes.items()}
            final = self._add_info(final, {"final_obs": _world(seen, b), "final_info": info}, int(b))
        return final

    def _with_presence(self, infos: dict[str, NDArray[Any]]) -> dict[str, Any]:
        """Adds gymnasium's masks `_name` (B,) of the worlds that have an info: here all."""
        return infos | {f"_{name}": np.ones(self.num_envs, dtype=np.bool_) for name in infos}


def _masks(face: Face) -> dict[str, NDArray[Any]]:
    """`action_mask` (B, N, 1 + C) bool of choices; nothing of controls, which are always legal."""
    return {} if face.num_controls else {"action_mask": face.observation.action_mask.copy()}


def _world(arrays: dict[str, NDArray[Any]], b: int) -> dict[str, NDArray[Any]]:
    return {name: array[b] for name, array in arrays.items()}


def make_env(
    preset: str,
    overrides: Sequence[str] = (),
    scenario: str | None = None,
    is_training: bool = True,
    task: str = "",
    render_mode: str | None = None,
) -> SwarmEnv:
    """One world.

    Args:
        preset: Name of a preset, or path of a YAML file of settings.
        overrides: `key=value` with a dotted key: `generator.num_uavs=[16, 16]`.
        scenario: Path of a scenario that every episode plays; None: the generator's episodes.
        is_training: True = the generator's episodes for training; False = those that `rl-cluster evaluate` scores.
        task: If given, the settings must be of this task.
        render_mode: `rgb_array`: `render()` returns a picture. `human`: each step is shown in a window. None: neither.

    Raises:
        CallError: `overrides` is no list of texts, or there is no such `render_mode`, or no screen for it.
        ConfigError: The settings cannot be loaded, or are of another task.
        ScenarioError: The scenario cannot be loaded, or does not fit the settings.
    """
    return SwarmEnv(load_setup(preset, overrides, scenario, is_training, task, render_mode))


def make_vector_env(
    preset: str,
    num_envs: int = 1,
    overrides: Sequence[str] = (),
    scenario: str | None = None,
    is_training: bool = True,
    task: str = "",
    render_mode: str | None = None,
) -> SwarmVectorEnv:
    """`num_envs` worlds, 1 to 65,536; arguments and errors as in `make_env`, but nothing is drawn."""
    check_render_mode(render_mode, ())
    return SwarmVectorEnv(load_setup(preset, overrides, scenario, is_training, task, render_mode), num_envs)


for _task in TASKS.values():
    gymnasium.register(
        id=f"rl_cluster/{_task.name.capitalize()}-v0",
        entry_point="rl_cluster.environment.faces.gymnasium_face:make_env",
        vector_entry_point="rl_cluster.environment.faces.gymnasium_face:make_vector_env",
        kwargs={"preset": _task.preset, "task": _task.name},
    )
