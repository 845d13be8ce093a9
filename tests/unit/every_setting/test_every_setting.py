"""Something follows from every setting: another value of it changes what a run, or whoever decides for one, does."""

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.errors import ConfigError
from tests.unit.every_setting.leaves import all_keys
from tests.unit.every_setting.plain import plain
from tests.unit.every_setting.runs import Observer
from tests.unit.every_setting.table import ON_A_CLUSTER, ON_A_GPU, REFUSED, TABLE, Base, Row

KEYS = all_keys()
TESTS = Path(__file__).parents[2]
ELSEWHERE = [
    *((key, f"ray/{test}") for key, test in ON_A_CLUSTER.items()),
    *((key, f"gpu/{test}") for key, test in ON_A_GPU.items()),
]


def _changed(base: Base, key: str, value: str | Base, item: int) -> Config:
    """The settings with another value of a key."""
    if not isinstance(value, str):
        return load_config(value[0], value[1:])
    listed, _, name = key.partition("[].")
    if not name:
        return load_config(base[0], [*base[1:], f"{key}={value}"])
    sections: Any = load_config(base[0], base[1:])
    for part in listed.split("."):
        sections = getattr(sections, part)
    data = [section.model_dump(mode="json") for section in sections]
    data[item][name] = parse_yaml(value, key)
    return load_config(base[0], [*base[1:], f"{listed}={json.dumps(data)}"])


@cache
def _seen(observe: Observer, base: Base) -> Any:
    """What is seen of the base, twice the same: what differs from it then differs for a reason."""
    config = load_config(base[0], base[1:])
    first, again = plain(observe(config)), plain(observe(config))
    is_same = first == again
    assert is_same, f"{observe.__name__} differs by itself"
    return first


def test_every_setting__is_in_the_table() -> None:
    placed = [*TABLE, *ON_A_CLUSTER, *ON_A_GPU, *REFUSED]
    assert set(KEYS) == set(placed)
    assert len(placed) == len(set(placed))


@pytest.mark.parametrize("key", REFUSED)
def test_setting_without_effect__is_refused(key: str) -> None:
    base, value = REFUSED[key]
    with pytest.raises(ConfigError, match="has no effect with"):
        _changed(base, KEYS[key], value, 0)


@pytest.mark.parametrize(("key", "test"), ELSEWHERE)
def test_setting_that_needs_a_cluster_or_a_gpu__has_a_test_there(key: str, test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.slow
@pytest.mark.parametrize(("key", "rows"), TABLE.items(), ids=TABLE)
def test_setting__changes_what_is_seen(key: str, rows: tuple[Row, ...]) -> None:
    for row in rows:
        expected = _seen(row.observe, row.base)
        for value in row.others:
            follows = plain(row.observe(_changed(row.base, KEYS[key], value, row.item))) != expected
            assert follows, f"{value}: nothing follows"
