"""Suites: what ships is sound and stays what it is under its version; unknown and repeated names are refused."""

from pathlib import Path

import pytest

from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.suite import SUITES, Suite, find_suites, load_suite

VARIANTS = {"sync", "capability", "depot", "appearing", "failing", "polygons", "service_times", "unlike_values"}
SUPPLY, OTHERS = {"scarce", "rich"}, {"demo", "many_zones", "coalition", "by_hand", "equal_uavs", "equal_coalitions"}


def test_suites__are_there() -> None:
    assert SUITES.keys() >= VARIANTS | SUPPLY | OTHERS


@pytest.mark.parametrize("name", SUITES)
def test_suite__is_sound(name: str) -> None:
    suite = load_suite(SUITES[name])

    config = suite.config()

    assert suite.name == name
    assert suite.title == f"{name} v{suite.version}"
    assert suite.objective in {metric.name for metric in task_of(config).metrics}
    assert suite.num_episodes == (30 if name == "by_hand" else 200)


def test_find_suites__keeps_the_order_and_knows_all() -> None:
    assert [suite.name for suite in find_suites(["sync", "demo"])] == ["sync", "demo"]
    assert [suite.name for suite in find_suites(["all"])] == list(SUITES)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["synk"], r"--suite: synk is no suite; choose all or some of appearing, by_hand, .*, sync, "),
        (["sync", "sync"], r"--suite: sync is named twice; name each suite once"),
        (["all", "sync"], r"--suite: sync is named twice"),
        (["sync", "all"], r"--suite: sync is named twice"),
    ],
)
def test_find_suites__refuses(names: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_suites(names)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("version: 0", r"odd\.yaml: version: "),
        ("more: 1", r"odd\.yaml: more: "),
        ("episodes: drawn", r"odd\.yaml: episodes: "),
    ],
)
def test_load_suite__refuses_a_faulty_file(line: str, message: str, tmp_path: Path) -> None:
    key = line.partition(":")[0]
    given = SUITES["sync"].read_text(encoding="utf-8").splitlines()
    path = tmp_path / "odd.yaml"
    path.write_text("\n".join([*(one for one in given if not one.startswith(f"{key}:")), line]), encoding="utf-8")

    with pytest.raises(ConfigError, match=message):
        load_suite(path)


def test_suite__says_each_field() -> None:
    assert all(field.description for field in Suite.model_fields.values())
