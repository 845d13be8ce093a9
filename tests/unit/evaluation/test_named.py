"""Heuristics by name: those of the task, of installed packages, and at `module:Class`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.named import heuristic_of, heuristics_of

MINE = """
class Waiting:
    name, is_deterministic = "waiting", True

    def __init__(self, seed):
        self.seed = seed

    def act(self, worlds, observation):
        return 0 * observation.decides

def unseeded():
    return Waiting(None)

class Named(Waiting):
    name = "greedy"

class Numbered(Waiting):
    name = 7

class Blind:
    name, is_deterministic = "blind", True

constant = 3
"""


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package of a user, installed with an entry point."""
    (tmp_path / "own_heuristics.py").write_text(MINE, encoding="utf-8")
    folder = tmp_path / "own-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n", encoding="utf-8")
    points = "[rl_cluster.heuristics]\nown-waiting = own_heuristics:Waiting\n"
    (folder / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("own_heuristics", None)


def test_heuristic_of__makes_an_installed_one_with_the_seed() -> None:
    policy = heuristic_of("own-waiting", "allocate", 5)

    assert (policy.name, vars(policy)["seed"]) == ("waiting", 5)
    assert heuristics_of("allocate")[-1] == "own-waiting"


def test_heuristic_of__makes_one_at_an_import_path() -> None:
    assert vars(heuristic_of("own_heuristics:Waiting", "navigate", 5))["seed"] == 5
    assert vars(heuristic_of("own_heuristics:unseeded", "allocate", 5))["seed"] is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_heuristics:Blind", "has no act; a policy has name, is_deterministic, act; see docs/python.md"),
        ("own_heuristics:Numbered", "has a name that is no text; give its `name` a text"),
        ("own_heuristics:constant", "is no class and no function; name what makes the policy"),
        ("own_heuristics:Named", "names itself greedy, which is the name of a built-in; give its `name` another value"),
    ],
)
def test_heuristic_of__says_what_is_wrong(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        heuristic_of(name, "allocate", 0)

    assert name in str(caught.value)
    assert str(caught.value).endswith(message)


def test_heuristic_of__names_all_that_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        heuristic_of("waiting", "navigate", 0)

    assert str(caught.value) == (
        "--policy: waiting is not a heuristic of task navigate; did you mean own-waiting? "
        "Or choose from random, straight, orca, own-waiting, pretrained, write module:Class for your own, "
        "or name a --preset of another task"
    )
