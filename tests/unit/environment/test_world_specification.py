"""The docstring of a task's worlds specifies them: its shapes, types and names are those of what they give."""

import inspect
import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate import reward as allocate
from rl_cluster.environment.navigate import reward as navigate
from rl_cluster.environment.shared.interface import StepResult, Worlds
from rl_cluster.environment.tasks import make_source, make_worlds, task_of
from rl_cluster.types import Observation

CASES = [
    ("quick_demo", ["generator.num_obstacles=[0, 3]", "generator.num_resources=3"]),
    ("quick_demo", ["generator.num_targets=[2, 40]", "world.num_candidates=3"]),
    ("navigate_demo", []),
    ("navigate_demo", ["generator.num_uavs=[1, 1]", "generator.num_obstacles=[0, 0]"]),
]
SETTINGS = ("num_candidates", "num_encounters")


def _worlds(preset: str, overrides: list[str]) -> tuple[Worlds, dict[str, int], Any]:
    """Two worlds, the letters of their sizes and settings, and a policy."""
    config = load_config(preset, overrides)
    source = make_source(config, 0, is_training=False)
    sizes = source.sizes
    letters = {"B": 2, "N": sizes.num_uavs, "M": sizes.num_targets, "O": sizes.num_obstacles, "R": sizes.num_resources}
    letters |= {name: getattr(config.world, name) for name in SETTINGS if hasattr(config.world, name)}
    return make_worlds(config, source, num_worlds=2), letters, task_of(config).heuristics["random"](0)


def _specification(worlds: Worlds) -> str:
    docstring = inspect.getdoc(type(worlds))
    assert docstring
    return docstring


def _value(formula: str, letters: dict[str, int]) -> Any:
    return eval(formula, {"__builtins__": {}, "min": min, "max": max}, letters)


@pytest.mark.parametrize(("preset", "overrides"), CASES)
def test_observation__has_the_shapes_and_types_of_the_docstring(preset: str, overrides: list[str]) -> None:
    worlds, letters, _ = _worlds(preset, overrides)
    text = _specification(worlds)
    for letter, formula in re.findall(r"\b([CW]) = (.+?)\s(?:candidates|encounters|slots)", text, re.DOTALL):
        letters[letter] = _value(formula, letters)
    said = re.findall(r"^    (\w+): (\(.+?\)) (float32|int16|bool), ", text, re.MULTILINE)

    observation = worlds.reset()

    assert [name for name, *_ in said] == list(Observation._fields)
    for name, shape, dtype in said:
        array = getattr(observation, name)
        assert (array.shape, array.dtype.name) == (_value(shape, letters), dtype), name


@pytest.mark.parametrize(("preset", "overrides"), CASES)
def test_step__takes_and_gives_what_the_docstring_says(preset: str, overrides: list[str]) -> None:
    worlds, letters, policy = _worlds(preset, overrides)
    text = _specification(worlds)
    action, reward = (
        re.findall(rf"^{what}: (\(.+?\)) (\w+), ", text, re.MULTILINE)[0] for what in ("Action", "Reward")
    )
    ends = re.findall(r"^    (\w+): [a-z]", text.split("End of an episode:")[1], re.MULTILINE)

    actions = policy.act(worlds, worlds.reset())
    result = worlds.advance(actions)

    assert (actions.shape, actions.dtype.name) == (_value(action[0], letters), action[1])
    assert (result.reward.shape, result.reward.dtype.name) == (_value(reward[0], letters), reward[1])
    assert ["reward", *ends] == list(StepResult._fields)
    assert all(array.dtype == np.bool_ for array in result[1:])


@pytest.mark.parametrize(("preset", "reward"), [("quick_demo", allocate), ("navigate_demo", navigate)])
def test_docstring__names_every_term_of_the_reward(preset: str, reward: ModuleType) -> None:
    worlds, *_ = _worlds(preset, [])

    named = re.search(r"the terms ([\w\s,]+);", _specification(worlds))

    assert named
    assert tuple(re.split(r",\s+|\s+and\s+", named.group(1))) == reward.TERMS
