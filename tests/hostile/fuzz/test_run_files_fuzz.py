"""Mutated files that a run or an evaluation has written: status, metrics, traces."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from rich.console import Console

from rl_cluster.cli.views.live_view import live_view
from rl_cluster.config.load import load_config
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.environment.tasks import TASKS, make_scenario_source
from rl_cluster.evaluation.trace import Trace, read_paths
from rl_cluster.sampling.episodes import evaluate
from rl_cluster.training.files.status import STATUS, read_status
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start, resumed_start
from tests.conftest import TINY
from tests.hostile.fuzz.mutations import mutated_data, mutated_text
from tests.hostile.fuzz.runner import FEW, MANY, Case, assert_no_faults

CONFIG = load_config(
    "debug", [*TINY, "generator.num_targets=[2, 3]", "training.iterations=40", "training.checkpoint_every=2"]
)
SMALL = load_scenario(SHIPPED_SCENARIOS["small"])
METRICS = "metrics.jsonl"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two iterations of many."""
    path = tmp_path_factory.mktemp("fuzz") / "run"
    count = iter(range(2))
    train(LocalEngine(CONFIG), new_start(CONFIG, path), lambda record: None, lambda: next(count) == 1)
    return path


@pytest.fixture(scope="module")
def trace() -> str:
    """An episode of the small scenario."""
    file = io.StringIO()
    source = make_scenario_source(CONFIG, [SMALL], 0)
    evaluate(
        TASKS["allocate"].heuristics["greedy"](0), source, CONFIG, 1, observer=Trace(file, TASKS["allocate"].recording)
    )
    return file.getvalue()


Make = Callable[[Path, str], Case]


def _status(run: Path, _: str) -> Case:
    status = json.loads((run / STATUS).read_text(encoding="utf-8"))

    def case(random: Random, folder: Path) -> object:
        if random.random() < 0.4:
            content = mutated_text(random, json.dumps(status, indent=1))
        else:
            content = json.dumps(mutated_data(random, status)).encode(errors="surrogatepass")
        (folder / STATUS).write_bytes(content)
        shown = io.StringIO()
        Console(file=shown, width=140).print(live_view(read_status(folder)))
        assert "\x1b" not in shown.getvalue()
        assert len(shown.getvalue()) < 1_000_000
        return "shown"

    return case


def _metrics(run: Path, _: str) -> Case:
    lines = (run / METRICS).read_text(encoding="utf-8")

    def case(random: Random, folder: Path) -> object:
        shutil.copytree(run, folder / "run")
        if random.random() < 0.5:
            content = mutated_text(random, lines)
        else:
            data = mutated_data(random, [json.loads(line) for line in lines.splitlines()])
            content = "".join(json.dumps(line) + "\n" for line in (data if isinstance(data, list) else [data])).encode(
                errors="surrogatepass"
            )
        (folder / "run" / METRICS).write_bytes(content)
        train(LocalEngine(CONFIG), resumed_start(folder / "run"), lambda record: None, lambda: True)
        Console(file=io.StringIO(), width=140).print(live_view(read_status(folder / "run")))
        return "resumed"

    return case


def _trace(_: Path, trace: str) -> Case:
    episode = json.loads(trace)

    def case(random: Random, folder: Path) -> object:
        if random.random() < 0.4:
            content = mutated_text(random, trace)
        else:
            content = json.dumps(mutated_data(random, episode)).encode(errors="surrogatepass")
        (folder / "t.jsonl").write_bytes(content)
        assert all(np.isfinite(flown.position_m).all() for flown in read_paths(folder / "t.jsonl", SMALL))
        return "read"

    return case


CASES: dict[str, Make] = {"status": _status, "metrics": _metrics, "trace": _trace}


@pytest.mark.slow
@pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())
def test_mutated_file_of_a_run__is_refused_or_read(make: Make, run: Path, trace: str, tmp_path: Path) -> None:
    assert_no_faults(make(run, trace), tmp_path, FEW)


@pytest.mark.long
@pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())
def test_mutated_file_of_a_run__is_refused_or_read_in_all_of_many_cases(
    make: Make, run: Path, trace: str, tmp_path: Path
) -> None:
    assert_no_faults(make(run, trace), tmp_path, MANY)
