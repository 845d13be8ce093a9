"""A map as a file that is loaded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.environment.scenario.map_import import load_geojson
from rl_cluster.environment.scenario.scenario_file import Scenario


@pytest.fixture
def load(tmp_path: Path) -> Callable[[Any], Scenario]:
    """The scenario of a map, which is given as plain data or as text."""

    def load_map(data: Any) -> Scenario:
        file = tmp_path / "harbour.geojson"
        file.write_text(data if isinstance(data, str) else json.dumps(data))
        return load_geojson(file)

    return load_map
