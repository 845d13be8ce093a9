"""What the traces of all tasks have in common: undefined metrics, and paths that are read back."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario, parse_scenario
from rl_cluster.environment.tasks import TASKS, make_source
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.trace import Trace, read_paths
from rl_cluster.sampling.episodes import evaluate

CONFIG = load_config("debug")
SMALL = load_scenario(SHIPPED_SCENARIOS["small"])
SOURCE = make_source(CONFIG, seed=0, is_training=False)
ONE_UAV = '{"scenario": {"uavs": [{"id": "a", "position_m": [1, 2]}]}, "steps": '


def test_read_paths__gives_start_and_every_step_of_the_first_episode(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with path.open("w") as file:
        evaluate(
            TASKS["allocate"].heuristics["greedy"](0),
            SOURCE,
            CONFIG,
            2,
            observer=Trace(file, TASKS["allocate"].recording),
        )
    first = json.loads(path.read_text().splitlines()[0])

    paths = read_paths(path, parse_scenario(first["scenario"], "first"))

    assert [flown.position_m[0].tolist() for flown in paths] == [uav["position_m"] for uav in first["scenario"]["uavs"]]
    assert [flown.position_m[-1].tolist() for flown in paths] == first["steps"][-1]["position_m"]
    for number, flown in enumerate(paths):
        assert flown.time_s[0] == 0.0
        assert {step["time_s"] for step in first["steps"]} <= set(flown.time_s.tolist())
        assert len(flown.time_s) == 1 + len(first["steps"]) + sum(len(step["turns"][number]) for step in first["steps"])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "name: small\n",
        "[]\n",
        '{"scenario": {}}\n',
        '{"scenario": {"uavs": 3}}\n',
        '{"scenario": {"uavs": [{"position_m": [1, 2]}]}, "steps": 3}',
        '{"scenario": {"uavs": [{"position_m": [1, 2]}]}, "steps": [{"position_m": [[1]]}]}',
        '{"scenario": {"uavs": [{"position_m": [1, 2]}]}, "steps": [{"position_m": [[1, null]]}]}',
        '{"scenario": {"uavs": [{"position_m": [1, 2]}]}, "steps": [{"position_m": [[1, NaN]]}]}',
        '{"scenario": {"uavs": [{"position_m": [1, 2]}]}, "steps": [{"position_m": [[1, 1e999]]}]}',
        '{"scenario": {"uavs": [{"position_m": [1, 2, 3]}]}, "steps": []}',
        '{"scenario": {"uavs": [{"position_m": {"x": 1}}]}, "steps": []}',
        '{"scenario": {"uavs": [{"id": "a", "position_m": ["1", "2"]}]}, "steps": []}',
        '{"scenario": {"uavs": [{"id": "a", "position_m": [true, false]}]}, "steps": []}',
        '{"scenario": {"uavs": [{"id": "a", "position_m": [1, 1e300]}]}, "steps": []}',
        f'{{"scenario": {{"uavs": [{{"id": "a", "position_m": [1, {10**400}]}}]}}, "steps": []}}',
        '{"scenario": {"uavs": [{"position_m": [1, 2]}]}, "steps": []}',
        ONE_UAV + '[{"time_s": 0, "position_m": [[1, 2]]}]}',
        ONE_UAV + '[{"position_m": [[1, 2]]}]}',
        ONE_UAV + '[{"time_s": 9, "position_m": [[1, 2]], "turns": [[[5, 1, 2], [4, 1, 2]]]}]}',
        ONE_UAV + '[{"time_s": 9, "position_m": [[1, 2]], "turns": [[[5, 1]]]}]}',
        ONE_UAV + '[{"time_s": 9, "position_m": [[1, 2]], "turns": []}]}',
        "[" * 100_000,
    ],
)
def test_read_paths__refuses_what_is_no_trace(content: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(content)

    with pytest.raises(ConfigError, match="its first line is no episode; name a file of evaluate --trace"):
        read_paths(path, SMALL)


def test_read_paths__refuses_a_trace_of_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"format": 3, "episodes": "in another form"}\n')

    newer = r"was written by a newer version of rl_cluster \(format 3; this one reads up to 2\); install that version"
    with pytest.raises(ConfigError, match=newer):
        read_paths(path, SMALL)


def test_read_paths__refuses_a_trace_of_another_scenario(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    start_m = SMALL.uav_position_m + np.array([0.0, 1.5])
    for positions_m in (start_m, start_m[:-1]):
        uavs = [{"id": id_, "position_m": xy.tolist()} for id_, xy in zip(SMALL.uav_ids, positions_m, strict=False)]
        path.write_text(json.dumps({"scenario": {"uavs": uavs}, "steps": []}))

        with pytest.raises(ConfigError, match="does not start where the UAVs of small do; name the trace of this"):
            read_paths(path, SMALL)


def test_read_paths__refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file"):
        read_paths(tmp_path / "trace.jsonl", SMALL)


def test_trace__writes_null_for_a_metric_that_is_not_defined() -> None:
    file = io.StringIO()
    trace = Trace(file, TASKS["allocate"].recording)
    evaluate(TASKS["allocate"].heuristics["greedy"](0), SOURCE, CONFIG, 1, observer=trace)

    trace.on_end({"defined": np.array([0.5]), "undefined": np.array([np.nan])})

    assert json.loads(file.getvalue().splitlines()[1])["metrics"] == {"defined": 0.5, "undefined": None}
