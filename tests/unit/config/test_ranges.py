"""Every number in a file has both bounds, text and lists have an end, and worlds stay finite at the bounds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config, validated
from rl_cluster.config.schema import Config, json_schema
from rl_cluster.environment.scenario.form import ScenarioForm
from rl_cluster.environment.tasks import make_source, make_worlds, task_of
from rl_cluster.errors import ConfigError

SCHEMAS = {"settings": json_schema(), "scenario": ScenarioForm.model_json_schema()}


def _nodes(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield place, node
        for name, part in node.items():
            yield from _nodes(part, f"{place}.{name}")
    elif isinstance(node, list):
        for number, part in enumerate(node):
            yield from _nodes(part, f"{place}.{number}")


def _has_end(node: dict[str, Any]) -> bool:
    match node.get("type"):
        case "number" | "integer":
            return bool({"minimum", "exclusiveMinimum"} & node.keys() and {"maximum", "exclusiveMaximum"} & node.keys())
        case "string":
            return bool({"enum", "const", "pattern", "maxLength"} & node.keys())
        case "array":
            return "maxItems" in node
    return True


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_schema__bounds_every_number_text_and_list(schema: dict[str, Any]) -> None:
    nodes = list(_nodes(schema, ""))

    assert sum(node.get("type") in {"number", "integer"} for _, node in nodes) > 10
    assert [place for place, node in nodes if not _has_end(node)] == []


def _ends(node: dict[str, Any]) -> list[float]:
    """Lowest and highest legal value."""
    step = 1 if node["type"] == "integer" else 1e-6
    low = node["minimum"] if "minimum" in node else node["exclusiveMinimum"] + step
    return [low, node["maximum"] if "maximum" in node else node["exclusiveMaximum"] - step]


def _extremes(node: dict[str, Any]) -> list[Any]:
    """Both ends of a number; of a range the lowest, the highest and the widest."""
    if "prefixItems" in node:
        (lowest, low_end), (high_begin, highest) = map(_ends, node["prefixItems"])
        return [[lowest, high_begin], [low_end, highest], [lowest, highest]]
    return _ends(node) if node.get("type") in {"number", "integer"} else []


def _cases() -> Iterator[tuple[str, str, Any]]:
    """Task, dotted key and a value at an end of its range, of what worlds are made from."""
    schema = SCHEMAS["settings"]
    for task in ("allocate", "navigate"):
        for section in ("generator", "world", "reward"):
            definition = schema["$defs"][f"{task.title()}{section.title()}Config"]
            for name, node in definition["properties"].items():
                if name in {"num_uavs", "num_targets", "num_obstacles"}:
                    continue  # sizes: memory is tested elsewhere
                for value in _extremes(node):
                    yield task, f"{section}.{name}", value


CASES = list(_cases())
SMALL: dict[str, dict[str, Any]] = {
    "generator": {"num_uavs": [2, 3], "num_targets": [2, 3], "num_obstacles": [0, 1]},
    "sampling": {"worlds_per_runner": 2, "fragment_steps": 2},
    "ppo": {"minibatch_rows": 4},
}


def _at(task: str, key: str, value: Any) -> Config | None:
    """The demo's settings with one value at its bound; None = another rule refuses it, in words."""
    data = load_config({"allocate": "quick_demo", "navigate": "navigate_demo"}[task]).model_dump(mode="json")
    for section, values in SMALL.items():
        data[section] |= {name: part for name, part in values.items() if name in data[section]}
    section, _, name = key.partition(".")
    data[section][name] = value
    try:
        return validated(data, "bounds")
    except ConfigError:
        return None


@pytest.mark.parametrize(("task", "key", "value"), CASES, ids=[f"{task}-{key}-{value}" for task, key, value in CASES])
def test_world__is_finite_at_the_bounds_of_every_setting(task: str, key: str, value: Any) -> None:
    config = _at(task, key, value)
    if config is None:
        return
    worlds = make_worlds(config, make_source(config, seed=0, is_training=True), num_worlds=2, is_training=True)
    observation = worlds.reset()
    policy = task_of(config).heuristics["random"](0)

    for _ in range(2):
        observation, result, outcomes = worlds.step(policy.act(worlds, observation))
        for array in (*observation, result.reward, *outcomes.values()):
            assert not np.issubdtype(array.dtype, np.floating) or not np.isinf(array).any()
        assert np.isfinite(result.reward).all()
        assert np.isfinite(observation.uav).all()


def test_bounds__are_played_more_often_than_they_are_refused_by_other_rules() -> None:
    played = [key for task, key, value in CASES if _at(task, key, value)]

    assert len(played) >= 60
