"""Files of every format that a version has written are read by this one: `tests/stored/` holds a small one of each.

`format_1` was written by older versions: `first` by the first one that wrote checkpoints, `before_controllers` by the
last one without controllers, `curriculum` by the first one that told of curricula. The later ones are
`tests.reference.stored_files`'s.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.migrations import FORMAT
from rl_cluster.config.yaml_file import read_yaml
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from rl_cluster.environment.tasks import make_source
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.evaluation.trace import read_paths
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.checkpoints.sealed_folder import FORMAT_VERSION, read_sealed, write_sealed
from rl_cluster.training.files.metrics_lines import read_metrics
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start, resumed_start
from rl_cluster.tune.journal import read_entries
from rl_cluster.tune.study_folder import find_study
from tests.reference.stored_files import write_stored_files

pytestmark = pytest.mark.slow

STORED = Path(__file__).parents[1] / "stored"
RUNS = (
    "format_1/first",
    "format_1/before_controllers",
    "format_1/curriculum",
    "format_2/run",
    "format_3/run",
    "format_4/run",
    "format_5/run",
    "format_6/run",
)


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a stored run, which may be written."""
    return Path(shutil.copytree(STORED / request.param, tmp_path / "run"))


def _score(folder: Path, num_episodes: int) -> dict[str, float]:
    checkpoint = Checkpoint.load(find_checkpoint(folder).folder)
    policy = ModelPolicy(load_model(checkpoint).eval(), "argmax", 1000)
    source = make_source(checkpoint.config, 1000, is_training=False)
    outcomes = evaluate(policy, source, checkpoint.config, num_episodes)
    return {name: float(values.mean()) for name, values in outcomes.items()}


@pytest.mark.parametrize("name", RUNS)
def test_stored_run__is_scored(name: str) -> None:
    assert 0.0 <= _score(STORED / name, 2)["satisfied_rate"] <= 1.0


def test_first_version__is_scored_as_it_scored_itself() -> None:
    """It printed this; what the network now sees beyond its features counts nothing. NCS was another one."""
    score = _score(STORED / "format_1" / "first", 20)

    assert score["satisfied_rate"] == pytest.approx(0.4333, abs=1e-3)


@pytest.mark.parametrize("run", RUNS[1:], indirect=True)
def test_stored_run__goes_on(run: Path) -> None:
    before = Checkpoint.load(find_checkpoint(run).folder)
    start = resumed_start(run)

    train(LocalEngine(start.config), start, lambda record: None, lambda: True)

    after = Checkpoint.load(find_checkpoint(run).folder)
    assert (after.config, after.iteration) == (before.config, before.iteration + 1)
    iterations = [line["iteration"] for line in read_metrics(run / "metrics.jsonl")]
    assert iterations == list(range(1, after.iteration + 1))


@pytest.mark.parametrize("run", RUNS[:1], indirect=True)
def test_first_version__gives_weights_but_does_not_go_on(run: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        resumed_start(run)
    assert "was written by an older version, and cannot go on: worlds.npz: array runner0/" in str(caught.value)
    assert caught.value.remedy == f"evaluate it, or begin with its weights: --weights {run}"

    config = load_config(str(run / "config.yaml"))
    start = new_start(config, tmp_path / "new", run)
    train(LocalEngine(start.config), start, lambda record: None, lambda: True)
    assert find_checkpoint(tmp_path / "new").damaged == ()


@pytest.mark.parametrize("name", RUNS)
def test_settings_of_a_stored_run__are_those_of_its_checkpoint(name: str) -> None:
    config = load_config(str(STORED / name / "config.yaml"))

    assert config == Checkpoint.load(find_checkpoint(STORED / name).folder).config


@pytest.mark.parametrize("name", RUNS)
def test_metrics_of_a_stored_run__are_read_line_by_line(name: str) -> None:
    path = STORED / name / "metrics.jsonl"
    lines = list(read_metrics(path))

    assert [line["iteration"] for line in lines] == list(range(1, len(path.read_bytes().splitlines()) + 1))
    assert all("learning/policy_loss" in line for line in lines)


def test_stored_settings__change_what_they_name() -> None:
    expected = load_config("debug", ["name=stored", "ppo.clip=0.1"])

    assert load_config(str(STORED / "format_2" / "settings.yaml")) == expected


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_stored_study__goes_on_from_its_entries(number: int, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(STORED / f"format_{number}" / "study", tmp_path / "study"))
    folder.chmod(0o700)

    entries = read_entries(folder / "trials.jsonl", find_study(folder, None))

    assert [(entry.trial, entry.status) for entry in entries] == [("00000", "ended"), ("00001", "trains")]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_stored_trace__is_drawn_through_every_decision(number: int) -> None:
    """From decision to decision, or as it was flown where the trace says so (since format 5)."""
    path = STORED / f"format_{number}" / "trace.jsonl"
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])

    paths = read_paths(path, parse_scenario(first["scenario"], "first"))

    assert len(paths) == len(first["scenario"]["uavs"])
    for uav, flown in enumerate(paths):
        ends = [[step["time_s"], *step["position_m"][uav]] for step in first["steps"]]
        points = [[time_s, *xy] for time_s, xy in zip(flown.time_s, flown.position_m.tolist(), strict=True)][1:]
        assert [point for point in points if point in ends] == ends
        assert number >= 5 or points == ends


def test_files_of_this_version__have_the_form_of_the_stored_ones(tmp_path: Path) -> None:
    """Who changes a format raises its number, and stores new files beside these."""
    write_stored_files(tmp_path / "now")
    stored = STORED / "format_6"

    for file in ("settings.yaml", "run/config.yaml", "study/study.yaml", "study/trials.jsonl"):
        assert _keys(tmp_path / "now" / file) == _keys(stored / file), file
    assert _names(tmp_path / "now") == _names(stored)
    manifest = json.loads(next((stored / "run").rglob("manifest.json")).read_bytes())
    assert manifest["format_version"] == FORMAT_VERSION


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _keys(path: Path) -> Any:
    """The keys of all settings, or of the lines."""
    if path.suffix == ".jsonl":
        return [sorted(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    data = read_yaml(path)
    return {key: sorted(value) if isinstance(value, dict) else None for key, value in data.items()}


@pytest.mark.parametrize("run", RUNS[-1:], indirect=True)
def test_newer_files__are_refused_by_name(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = find_checkpoint(run).folder
    files = read_sealed(newest)
    with monkeypatch.context() as newer:
        newer.setattr("rl_cluster.training.checkpoints.sealed_folder.FORMAT_VERSION", FORMAT_VERSION + 1)
        write_sealed(newest.with_name("checkpoint-000009"), files)

    with pytest.raises(CheckpointError) as caught:
        find_checkpoint(run)
    numbers = f"format {FORMAT_VERSION + 1}; this one reads up to {FORMAT_VERSION}"
    assert f"checkpoint-000009: was written by a newer version of rl_cluster ({numbers})" in str(caught.value)
    assert caught.value.remedy == "install that version or newer"

    settings = run / "config.yaml"
    settings.write_text(settings.read_text().replace(f"format: {FORMAT}", "format: 99"))
    with pytest.raises(
        ConfigError, match=rf"config.yaml: was written by a newer version .*\(format 99; .* up to {FORMAT}\)"
    ):
        load_config(str(settings))
