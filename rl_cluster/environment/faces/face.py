"""The basis of the standard faces: worlds from a run's settings and a seed, and actions made legal before use.

`gymnasium_face.py` and `pettingzoo_face.py` wrap it for their libraries. Training in this package uses `Worlds`
directly, which keeps credit per UAV and refuses illegal actions.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.calls import as_actions, as_seed, as_world, check_overrides, check_render_mode, shown
from rl_cluster.environment.faces.spaces import ObservationDict
from rl_cluster.environment.scenario.scenario_file import Scenario, load_scenario
from rl_cluster.environment.shared.interface import EpisodeSource, Policy, Sizes, StepResult, Worlds
from rl_cluster.environment.tasks import graph_spec, make_scenario_source, make_source, make_worlds
from rl_cluster.errors import CallError, ConfigError, ScenarioError
from rl_cluster.types import WAIT, BoolArray, Observation

__all__ = ["Face", "Setup", "load_setup", "make_legal", "team_reward", "to_dict"]


class Setup(NamedTuple):
    """What the worlds play."""

    config: Config
    """Settings of the task, its worlds and its generator; the spaces follow from them alone."""
    scenario: Scenario | None = None
    """None: the generator's episodes. Else every episode is this one."""
    is_training: bool = True
    """Which of the generator's episodes: those for training, or those that `rl-cluster evaluate` scores."""
    render_mode: str | None = None
    """`rgb_array`: pictures as arrays. `human`: in a window. None: nothing is drawn."""


def load_setup(
    preset: str,
    overrides: Sequence[str] = (),
    scenario: str | None = None,
    is_training: bool = True,
    task: str = "",
    render_mode: str | None = None,
) -> Setup:
    """The setup of a preset or YAML file with `key=value` overrides, and the path of a scenario.

    Raises:
        CallError: `overrides` is no list of texts, or there is no such `render_mode`.
        ConfigError: The settings cannot be loaded, or are of another task than `task` (if that is given).
        ScenarioError: The scenario cannot be loaded.
    """
    check_render_mode(render_mode)
    check_overrides(overrides)
    config = load_config(preset, overrides)
    if task and config.task != task:
        raise ConfigError(preset, f"its task is {config.task}", f"make rl_cluster/{config.task.capitalize()}-v0")
    return Setup(config, None if scenario is None else load_scenario(Path(scenario)), is_training, render_mode)


class Face:
    """B worlds of a setup. World b of seed s plays the same episodes whatever B is.

    Raises:
        ScenarioError: The scenario does not fit the task, the world or the spaces: it has more UAVs, targets or zones
            than the generator's highest numbers, or other kinds of resource.
    """

    def __init__(self, setup: Setup, num_worlds: int) -> None:
        self.num_controls = graph_spec(setup.config).num_controls
        self._setup, self._num_worlds = setup, num_worlds
        self._room = _room(setup)
        self.has_begun = False
        """True = episodes have been started."""
        self.worlds = self._make_worlds(setup.config.seed, 0)
        self.observation = self.worlds.reset()
        self._picture = _make_picture(setup.render_mode)

    def _make_worlds(self, seed: int, first_world: int) -> Worlds:
        config, scenario, is_training, _ = self._setup
        if scenario is None:
            source = make_source(config, seed, is_training)
        else:
            source = _Padded(make_scenario_source(config, [scenario], seed), self._room)
        return make_worlds(config, source, self._num_worlds, first_world)

    def begin(self, seed: int | None, random: np.random.Generator, options: object = None) -> Observation[NDArray[Any]]:
        """Starts the first episodes of a seed; without a seed, the next episode in every world, ended or not.

        Args:
            seed: If the first call passes None, a seed is drawn.
            random: Draws that seed.
            options: `{"world": number}` starts the first episode of that world of the seed, and of the next ones: with
                the seed of `rl-cluster evaluate`, its episode of that number.

        Raises:
            CallError: The seed or the options are not valid, or there are options without a seed.
        """
        seed, first_world = as_seed(seed), as_world(options)
        if seed is None and first_world is not None:
            raise CallError("reset", "the world of the options needs a seed", "give the seed, too, or omit the world")
        if seed is None and self.has_begun:
            self.worlds.retract()
            self.worlds.give_up(np.ones(self._num_worlds, dtype=np.bool_))
            self.reset_ended()
        else:
            self.has_begun = True
            drawn = int(random.integers(2**31)) if seed is None else seed
            self.worlds = self._make_worlds(drawn, first_world or 0)
            self.observation = self.worlds.reset()
        if self._picture:
            self._picture.begin(self.worlds)
            self._show()
        return self.observation

    def reset_ended(self) -> Observation[NDArray[Any]]:
        """Starts the next episode in every world that has ended; returns the observation of all worlds."""
        self.worlds.reset_ended()
        return self.observe()

    def observe(self) -> Observation[NDArray[Any]]:
        """The current observation, in fresh arrays."""
        self.observation = self.worlds.observe()
        return self.observation

    def check_turn(self) -> None:
        """Raises CallError if there is no episode to step."""
        if not self.has_begun:
            raise CallError("step", "no episode has begun", "call reset first")
        if self.worlds.state.ended.all():
            raise CallError("step", "the episode has ended", "call reset, which starts the next one")

    def advance(self, actions: object) -> tuple[StepResult, BoolArray]:
        """Applies actions (B, N) or controls (B, N, 2), made legal; ended worlds stand still.

        Returns:
            The step's result, and (B, N) True = the UAV's action was illegal.

        Raises:
            CallError: `as_actions` refuses the actions.
        """
        legal, is_illegal = make_legal(actions, self.observation, self.num_controls)
        result = self.worlds.advance(legal)
        if self._picture:
            self._picture.note(self.worlds)
            self._show()
        return result, is_illegal

    def announce(self, actions: object) -> Observation[NDArray[Any]]:
        """Announces what UAVs mean to do, made legal; nothing moves. Returns the observation in which they choose anew.

        Raises:
            CallError: There is no episode to step, or `as_actions` refuses the actions.
        """
        self.check_turn()
        legal, _ = make_legal(actions, self.observation, self.num_controls)
        self.observation = self.worlds.announce(legal)
        return self.observation

    def actions_of(self, policy: Policy) -> NDArray[Any]:
        """The actions (B, N) or controls that a policy of this package chooses now, in as many rounds as it takes."""
        self.check_turn()
        self.worlds.retract()  # it begins with its own first round
        actions = policy.act(self.worlds, self.observe())
        self.observation = self.worlds.observation  # in which the actions of its last round stand
        return actions

    def choose(self, scores: object) -> NDArray[Any]:
        """The actions (B, N) of the highest scores that are legal, in turn where the UAVs of the world choose in turn.

        Args:
            scores: (B, N, 1 + C) log-probabilities of the actions, which also decide who chooses first.

        Raises:
            CallError: There is no episode to step, UAVs have controls and no choices, or the scores have another shape.
        """
        self.check_turn()
        mask = self.observation.action_mask
        if self.num_controls:
            raise CallError("choose", "the UAVs of this task have controls", "give the controls to step")
        known = np.asarray(scores, dtype=np.float32)
        if known.shape != mask.shape or np.isnan(known).any():
            raise CallError("choose", f"got {shown(scores)}", f"give numbers of shape {mask.shape}")
        if self.worlds.take_turns:
            return self.worlds.take_turns(self.observation, known, known)[0]
        return np.where(mask, known, -np.inf).argmax(axis=2).astype(np.int16)

    def render(self) -> NDArray[np.uint8] | None:
        """A picture of the first world (H, W, 3); None if it is shown in a window, or nothing is drawn.

        Raises:
            CallError: No episode has begun.
        """
        if not self._picture:
            return None
        if not self.has_begun:
            raise CallError("render", "no episode has begun", "call reset first")
        if self._setup.render_mode == "human":
            self._show()
            return None
        pixels: NDArray[np.uint8] = self._picture.pixels(self.worlds)
        return pixels

    def _show(self) -> None:
        if self._picture and self._setup.render_mode == "human":
            self._picture.show(self.worlds)

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._picture:
            self._picture.close()

    def outcomes(self) -> dict[str, NDArray[np.float64]]:
        """Episode metrics of the worlds that have ended, in order of index: name -> (E,)."""
        return self.worlds.outcomes(self.worlds.state.ended)

    def team_reward(self, result: StepResult) -> NDArray[np.float64]:
        """(B,) mean over the UAVs that exist of their rewards."""
        return team_reward(self.worlds, result)


def _make_picture(render_mode: str | None) -> Any:
    """What draws; None = nothing does. Matplotlib is imported only if something is to be drawn."""
    if render_mode is None:
        return None
    module = importlib.import_module("rl_cluster.environment.faces.picture")
    return module.Picture(is_window=render_mode == "human")


def make_legal(
    actions: object, observation: Observation[NDArray[Any]], num_controls: int
) -> tuple[NDArray[Any], BoolArray]:
    """Replaces illegal actions by legal ones.

    A choice that the mask forbids becomes waiting, or the UAV's only legal action where it may not wait. Controls are
    clipped to [-1, 1]; those of UAVs that do not decide count as legal.

    Args:
        actions: (B, N) integers, or (B, N, num_controls).
        observation: The latest observation.
        num_controls: 0 for choices.

    Returns:
        (B, N) int16 or (B, N, num_controls) float32, and (B, N) True = the action was illegal.

    Raises:
        CallError: `as_actions` refuses the actions.
    """
    mask, shape = observation.action_mask, observation.decides.shape + (num_controls,) * bool(num_controls)
    given = as_actions(actions, shape, num_controls)
    if num_controls:
        bounded = np.clip(given, -1.0, 1.0)
        return bounded.astype(np.float32), (bounded != given).any(axis=2) & observation.decides
    is_known = (given >= 0) & (given < mask.shape[2])
    known = np.where(is_known, given, WAIT)
    is_legal = is_known & np.take_along_axis(mask, known[..., None], axis=2)[..., 0]
    instead = np.where(mask[..., WAIT], WAIT, mask.argmax(axis=2))
    return np.where(is_legal, known, instead).astype(np.int16), ~is_legal


def team_reward(worlds: Worlds, result: StepResult) -> NDArray[np.float64]:
    """(B,) mean over the UAVs that exist of the rewards of a step."""
    exists = worlds.state.uav_exists
    return np.sum(result.reward, axis=1, where=exists, dtype=np.float64) / exists.sum(axis=1)


def to_dict(observation: Observation[NDArray[Any]]) -> ObservationDict:
    """The observation's arrays (B, ...) by name, masks as int8."""
    # Integers are copied: the worlds look choices up in the arrays that they last returned, which callers may change.
    return {
        name: array if array.dtype == np.float32 else array.astype(np.int8 if array.dtype == np.bool_ else array.dtype)
        for name, array in observation._asdict().items()
    }


class _Padded:
    """A source of episodes that fill only a part of the padded worlds."""

    def __init__(self, source: EpisodeSource, sizes: Sizes) -> None:
        self.sizes, self.seed, self.fill, self.set_mix = sizes, source.seed, source.fill, source.set_mix
        self.has_hidden_events, self.hidden_shares = source.has_hidden_events, source.hidden_shares


def _room(setup: Setup) -> Sizes:
    """The generator's padded maxima. Raises ScenarioError if a scenario does not fit them."""
    config, scenario, is_training, _ = setup
    room = make_source(config, config.seed, is_training).sizes
    if scenario is None:
        return room
    asked = make_scenario_source(config, [scenario], config.seed).sizes
    for field, kind in (("num_uavs", "UAVs"), ("num_targets", "targets"), ("num_obstacles", "no-fly zones")):
        count, most = getattr(asked, field), getattr(room, field)
        if count > most:
            fewest = getattr(config.generator, field)[0]
            what = f"it has {count} {kind}, but the spaces of {config.name} hold {most}"
            raise ScenarioError(scenario.name, what, f"override generator.{field}=[{fewest}, {count}]")
    if asked.num_resources != room.num_resources:
        what = f"it has {asked.num_resources} kinds of resource, but the spaces of {config.name} {room.num_resources}"
        raise ScenarioError(scenario.name, what, f"override generator.num_resources={asked.num_resources}")
    return room._replace(
        num_vertices=max(asked.num_vertices, room.num_vertices), num_depots=max(asked.num_depots, room.num_depots)
    )
