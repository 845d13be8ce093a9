"""What is known by name: registered here, or installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.extension import registry

GROUP = "rl_cluster.things"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    known = dict(registry._known)
    yield
    registry._known.clear()
    registry._known.update(known)


def test_find__gives_what_was_registered_last() -> None:
    registry.register(GROUP, "thing", 1, [])
    registry.register(GROUP, "thing", 2, [])

    assert registry.find(GROUP, "thing", []) == 2
    assert registry.known_names(GROUP, []) == ["thing"]
    assert registry.find("rl_cluster.others", "thing", []) is None


def test_find__imports_an_installed_one_at_its_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "things-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: things\nVersion: 1.0\n", encoding="utf-8")
    (folder / "entry_points.txt").write_text(f"[{GROUP}]\npath = os.path:sep\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert registry.known_names(GROUP, []) == ["path"]
    assert registry.find(GROUP, "path", []) == "/"


def test_register__refuses_the_name_of_a_built_in() -> None:
    with pytest.raises(ConfigError, match=r"rl_cluster\.things: thing is the name of a built-in; give it another name"):
        registry.register(GROUP, "thing", 1, ["thing"])
