"""What commands print fits a terminal of 80 columns, where nothing is cut; one of 60 columns breaks nothing."""

import io
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from rl_cluster.cli.doctor import _show
from rl_cluster.cli.seeds import _table
from rl_cluster.cli.views.live_view import live_view
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import TASKS
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.intervals import bootstrap_interval
from rl_cluster.evaluation.ladder import Ladder, Rung
from rl_cluster.evaluation.ladder_report import ladder_table
from rl_cluster.evaluation.scenario_rows import scenario_rows, shown_metrics
from rl_cluster.metrics.gpu import GpuReading
from rl_cluster.metrics.host import HostReading
from rl_cluster.metrics.names import (
    AGENT_STEPS_PER_S,
    CHECKPOINT_AGE_S,
    ELAPSED_S,
    ETA_S,
    EXPOSED_SHARE,
    LEARNER_SAMPLES_PER_S,
    phase_key,
)
from rl_cluster.metrics.node import NodeReading, ObjectStoreReading, node_to_json
from rl_cluster.metrics.phases import PHASES
from rl_cluster.operations.finding import failed, passed
from rl_cluster.training.files.run_names import METRICS
from rl_cluster.training.seeds import seed_folder
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.report import study_tables, test_table
from rl_cluster.tune.result import StudyResult

SMALL = Path("rl_cluster/environment/scenario/shipped/small.yaml")
GIB = float(1 << 30)
WIDTHS = (80, 60)
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture(params=WIDTHS)
def printed(
    request: pytest.FixtureRequest,
    exit_code: Callable[..., object],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[str]]:
    """Runs a command at a terminal of a width; the lines that stay on the screen. None is wider."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", str(request.param))

    def run(*arguments: str) -> list[str]:
        assert exit_code(*arguments) == 0
        # a status that changes is drawn over the same line, from its beginning
        lines = [line.rstrip() for line in re.split("[\r\n]+", CONTROL.sub("", capsys.readouterr().out))]
        assert max(map(len, lines)) <= request.param, lines
        assert request.param < 80 or "…" not in "".join(lines)
        return [line for line in lines if not line.endswith(" done")]

    return run


def test_evaluate__prints_one_screen_and_all_of_it(printed: Callable[..., list[str]]) -> None:
    policies = ("--policy", "greedy", "--policy", "commitment-aware", "--policy", "complete-first")

    assert len(printed("evaluate", *policies, "--episodes", "2")) <= 24
    assert len(printed("evaluate", *policies, "--episodes", "2", "--all")) > 24


def test_suites__fit(printed: Callable[..., list[str]]) -> None:
    assert printed("evaluate", "--list-suites")
    assert printed("evaluate", "--suite", "equal_coalitions", "--episodes", "1")


def test_scenario__commands_fit(
    tmp_path: Path, printed: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SMALL.absolute()
    monkeypatch.chdir(tmp_path)

    assert printed("scenario", "assign", os.path.relpath(small), "--out", "goals.yaml")


def _shown(*parts: Any, width: int) -> str:
    """The parts as a console of this width prints them; at 80 columns nothing is cut."""
    text = io.StringIO()
    console = Console(file=text, width=width, highlight=False)
    for part in parts:
        console.print(part)
    assert max(len(line.rstrip()) for line in text.getvalue().splitlines()) <= width
    assert width < 80 or "…" not in text.getvalue()
    return text.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_ladder__of_several_networks_fits(width: int) -> None:
    shares, task = np.linspace(0.0, 0.1, 40), TASKS["allocate"]
    headline = np.stack([shares + 0.3, shares + 0.2, shares + 0.6], axis=1)
    collisions = bootstrap_interval(10.0 + shares)
    rungs = [Rung(number, headline * scale, headline[:, :3], collisions) for number, scale in ((8, 1.0), (2048, 0.9))]

    shown = _shown(
        ladder_table(Ladder("constant density", task.headline, "complete-first", 8, tuple(rungs), ())), width=width
    )

    assert width < 80 or all(number in shown for number in ("2048", "10.041 10.059", "episodes", "complete-"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("task_name", TASKS)
def test_comparison__of_many_policies_with_large_numbers_fits(task_name: str, width: int) -> None:
    task, random = TASKS[task_name], np.random.default_rng(0)
    names = [f"checkpoint-{number:06d} time=2,crowding=0.5 argmax" for number in range(3)] + list(task.heuristics)
    outcomes = {name: {one.name: -9999.0 * random.random(9) for one in task.metrics} for name in names}
    comparison = Comparison.of(outcomes, list(task.heuristics), task.metrics)

    rows = scenario_rows([("a-name-of-a-file.yaml", comparison)], shown_metrics(task.metrics, task.headline))
    shown = _shown(*comparison.tables(), *rows, width=width)

    assert width < 80 or all(f"{interval.mean[0]:.3f}" in shown for interval in comparison.means.values())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("num_keys", [1, 4, 12])
def test_study__fits_however_many_settings_it_searches(num_keys: int, width: int) -> None:
    config = load_config("tune_demo")
    assert config.study
    one = config.study.space[0]
    space = tuple(one.model_copy(update={"key": f"ppo.quite_a_long_name_{number}"}) for number in range(num_keys))
    config = config.model_copy(update={"study": config.study.model_copy(update={"space": space})})
    names, scores = ("00001", "test-given", "test-00001"), {str(seed): -0.123 for seed in range(12)}
    trial, *tests = (
        Entry(
            trial=name, status="ended", sample={} if name == "test-given" else {key.key: 1.23e-5 for key in space},
            rounds=1000, scores=scores, stage=1.0, stage_rounds=0, held=0.0, diverged=0.0,
        )
        for name in names
    )  # fmt: skip
    result = StudyResult(config, Path("study"), (trial,), tuple(tests), True)

    shown = _shown(*study_tables(result), test_table(result), width=width)

    assert width < 80 or shown.count("1.23e-05") == num_keys


@pytest.mark.parametrize("width", WIDTHS)
def test_top__fits_with_nodes_and_gpus_of_a_large_cluster(width: int) -> None:
    host = HostReading(1.0, 1800.5 * GIB, 2015.3 * GIB, 0.93, 2e9, 2.3e9, 2.3e9)
    gpu = GpuReading(7, "NVIDIA A100-SXM4-80GB", 1.0, 78 * GIB, 80 * GIB, 700.0, 91.0, 1980.0, ("power cap", "heat"))
    store = ObjectStoreReading(173 * GIB, 186 * GIB, 1205 * GIB)
    node = NodeReading("10.244.117.103-ab12cd", host, (gpu,), store)
    metrics = {ELAPSED_S: 4e5, ETA_S: 4e5, CHECKPOINT_AGE_S: 4e3, AGENT_STEPS_PER_S: 1e6, LEARNER_SAMPLES_PER_S: 1e6}
    points = [(number, float(number)) for number in range(100)]
    status = {
        "run": "a-long-name-of-a-run", "engine": "ray", "time_s": 0.0, "iteration": 100, "iterations": 100000,
        "headline": "success", "curves": {"evaluated": points}, "alerts": ["gpu/throttled"],
        "metrics": {**metrics, EXPOSED_SHARE: 0.1, **{phase_key(phase): 1.0 / len(PHASES) for phase in PHASES}},
        "nodes": [node_to_json(node), node_to_json(replace(node, gpus=(), object_store=None))],
        "runners": [{"runner": "1", "node": node.node, "seconds": {"env": 1.0, "inference": 2.0}}],
    }  # fmt: skip

    shown = _shown(live_view(status), width=width)

    if width == 80:
        assert shown.count(node.node) == 4
        assert all(words in shown for words in ("1800/2015", "173/186", "A100-SXM4-80GB", "99.000  (0.000 to 99.000)"))


@pytest.mark.parametrize("width", WIDTHS)
def test_seeds__fit(tiny: Config, tmp_path: Path, width: int) -> None:
    keys = {f"evaluation/{metric.name}": 12345.678 for metric in TASKS["allocate"].metrics}
    for seed in (0, 2**31 - 1):
        seed_folder(tmp_path, seed).mkdir()
        (seed_folder(tmp_path, seed) / METRICS).write_text(str({"iteration": 1, **keys}).replace("'", '"') + "\n")

    shown = _shown(_table(tiny, tmp_path, [0, 2**31 - 1]), width=width)

    assert width < 80 or shown.count("12345.678") > 6


@pytest.mark.parametrize("width", WIDTHS)
def test_doctor__wraps_findings_and_keeps_paths_whole(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    what = "what is written to /mnt/storage/of/all/nodes here is not there"
    node = "10.244.117.103-ab12cd"

    _show([passed("agent", "it listens"), failed("storage", what, "mount it")._replace(node=node)], is_on_stderr=False)

    lines = CONTROL.sub("", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    assert "/mnt/storage/of/all/nodes" in "\n".join(lines)
    assert lines[0] == "ok      here  agent: it listens"
    assert all(line.startswith(" " * 8) for line in lines[2:])
