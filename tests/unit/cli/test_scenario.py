"""The command line's scenario group: from a map to a scenario, to goals, and back to the map."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario

Run = Callable[..., object]
Refused = Callable[..., str]


def _point(longitude_deg: float, latitude_deg: float, **properties: Any) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [longitude_deg, latitude_deg]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _uav(number: int, longitude_deg: float) -> dict[str, Any]:
    fleet = {"resources": [60, 40], "range_m": 9000, "speed_mps": [15, 40], "cruise_mps": 25}
    return _point(longitude_deg, 53.54, role="uav", id=f"u{number}", **fleet)


ZONE = [[9.96, 53.541], [9.965, 53.541], [9.963, 53.546], [9.96, 53.541]]
FEATURES = [
    _uav(1, 9.95),
    _uav(2, 9.951),
    _point(9.97, 53.55, role="target", id="t1", demand=[50, 20]),
    _point(9.975, 53.54, role="target", id="t2", demand=[50, 20], value=2),
    {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ZONE]}},
]


@pytest.fixture
def geojson(tmp_path: Path) -> Path:
    path = tmp_path / "harbour.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": FEATURES}), encoding="utf-8")
    return path


@pytest.fixture
def scenario(geojson: Path, tmp_path: Path, exit_code: Run) -> Path:
    path = tmp_path / "harbour.yaml"
    assert exit_code("scenario", "import", str(geojson), "--out", str(path)) == 0
    return path


@pytest.mark.parametrize("name", SHIPPED_SCENARIOS)
@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_example__is_the_scenario_that_ships(name: str, ending: str, tmp_path: Path, exit_code: Run) -> None:
    out = tmp_path / f"mine.{ending}"

    assert exit_code("scenario", "example", name, "--out", str(out)) == 0

    shipped = SHIPPED_SCENARIOS[name]
    assert load_scenario(out).as_dict() == load_scenario(shipped).as_dict()
    assert ending == "json" or out.read_bytes() == shipped.read_bytes()


def test_example__help_says_how_large_each_is(capsys: pytest.CaptureFixture[str], exit_code: Run) -> None:
    assert exit_code("scenario", "example", "--help") == 0

    shown = " ".join(capsys.readouterr().out.split())
    sizes = [str(load_scenario(path).sizes[0]) for path in SHIPPED_SCENARIOS.values()]
    for words in (*SHIPPED_SCENARIOS, *sizes):
        assert words in shown


def test_import__makes_a_scenario_of_a_map(
    geojson: Path, tmp_path: Path, exit_code: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "harbour.json"

    assert exit_code("scenario", "import", str(geojson), "--out", str(scenario)) == 0

    loaded = load_scenario(scenario)

    assert loaded.sizes[:3] == (2, 2, 1)
    assert loaded.target_value.tolist() == [1.0, 2.0]
    assert capsys.readouterr().out == f"{scenario}: 2 UAVs, 2 targets, 1 no-fly zone\n"


def test_import__of_a_bad_map_writes_nothing(geojson: Path, tmp_path: Path, error_line: Refused) -> None:
    geojson.write_text('{"type": "FeatureCollection", "features": [{"type": "Feature"}]}', encoding="utf-8")

    line = error_line("scenario", "import", str(geojson), "--out", str(tmp_path / "out.yaml"))

    assert "features.0" in line
    assert not (tmp_path / "out.yaml").exists()


def test_import__keeps_the_map(geojson: Path, error_line: Refused) -> None:
    drawn = geojson.read_bytes()

    line = error_line("scenario", "import", str(geojson), "--out", str(geojson))

    assert "is also read, or written by another option; name a file of its own" in line
    assert geojson.read_bytes() == drawn


def test_assign__gives_every_uav_a_goal(scenario: Path, tmp_path: Path, exit_code: Run) -> None:
    out = tmp_path / "goals.json"

    assert exit_code("scenario", "assign", str(scenario), "--policy", "greedy", "--out", str(out)) == 0

    assert load_scenario(out).uav_goal_m.shape == (2, 2)
    assert not set(map(tuple, load_scenario(out).uav_goal_m)) & set(map(tuple, load_scenario(out).uav_position_m))


def test_assign__by_nobody_writes_nothing(scenario: Path, tmp_path: Path, error_line: Refused) -> None:
    line = error_line("scenario", "assign", str(scenario), "--policy", "nobody", "--out", str(tmp_path / "out.yaml"))

    assert "choose a run folder or one of random, greedy" in line
    assert not (tmp_path / "out.yaml").exists()


def test_export__puts_flown_paths_where_the_map_was(scenario: Path, tmp_path: Path, exit_code: Run) -> None:
    trace, out = tmp_path / "trace.jsonl", tmp_path / "flown.geojson"
    evaluate = ("evaluate", "--scenario", str(scenario), "--policy", "greedy", "--episodes", "1")
    assert exit_code(*evaluate, "--trace", str(trace)) == 0

    assert exit_code("scenario", "export", str(scenario), "--trace", str(trace), "--out", str(out)) == 0

    features = json.loads(out.read_text(encoding="utf-8"))["features"]
    lines = [feature["geometry"] for feature in features if feature["geometry"]["type"] == "LineString"]
    assert [line["coordinates"][0] for line in lines] == [
        pytest.approx(feature["geometry"]["coordinates"], abs=1e-9) for feature in FEATURES[:2]
    ]


def test_export__needs_a_scenario_from_a_map(tmp_path: Path, error_line: Refused) -> None:
    line = error_line(
        "scenario",
        "export",
        "rl_cluster/environment/scenario/shipped/small.yaml",
        "--out",
        str(tmp_path / "out.geojson"),
    )

    assert "it has no origin" in line
    assert not (tmp_path / "out.geojson").exists()
