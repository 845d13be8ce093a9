"""The template of a task of one's own, as if it were installed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.config.schema import TASKS
from rl_cluster.extension import registry
from tests.source_tree import ROOT

TEMPLATE = ROOT / "examples" / "my_task"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test registers is unknown after it."""
    known = dict(registry._known)
    yield
    registry._known.clear()
    registry._known.update(known)


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The template's task, installed by its entry point."""
    folder = tmp_path / "my_task-0.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: my-task\nVersion: 0.1\n", encoding="utf-8")
    points = "[rl_cluster.tasks]\nmy_task = my_task.task:MY_TASK\n"
    (folder / "entry_points.txt").write_text(points, encoding="utf-8")
    for place in (TEMPLATE, tmp_path):
        monkeypatch.syspath_prepend(str(place))
    yield registry.find("rl_cluster.tasks", "my_task", TASKS)
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_task"]:
        del sys.modules[name]
