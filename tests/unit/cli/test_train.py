"""`train` without Ray: what it prints and leaves, and what it refuses before it writes anything."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rl_cluster.cli import main
from rl_cluster.config.load import load_config
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.files.changes_file import read_changes
from tests.conftest import TINY

pytestmark = pytest.mark.slow

SMALL = (
    "debug",
    "engine=local",
    "sampling.worlds_per_runner=4",
    "ppo.minibatch_rows=16",
    "training.iterations=2",
    "training.checkpoint_every=1",
    "training.evaluate_every=0",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("train") / "run"
    with pytest.raises(SystemExit) as ended:
        main(("train", *SMALL, "--out", str(path)))
    assert not ended.value.code
    return path


@pytest.fixture
def run(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A run of the test's own."""
    capsys.readouterr()
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_train__leaves_config_metrics_and_two_checkpoints(run: Path) -> None:
    names = ["checkpoints", "config.yaml", "metrics.jsonl", "status.json", "tensorboard"]
    assert sorted(path.name for path in run.iterdir()) == names
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["checkpoint-000001", "checkpoint-000002"]
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2]


def test_train__prints_a_plain_line_an_iteration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    exit_code("train", *SMALL, "--out", str(tmp_path / "run"))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"run folder: {tmp_path / 'run'}"
    assert lines[1].endswith("trains in this process: 2 iterations, at most 10:00")
    assert [line.split("  ")[0] for line in lines[2:4]] == ["iteration 1/2", "iteration 2/2"]
    assert max(map(len, lines[1:4])) <= 80
    assert lines[4] == "all 2 iterations are done"
    assert lines[5] == f"checkpoint: {tmp_path / 'run' / 'checkpoints' / 'checkpoint-000002'}"
    assert lines[6] == f"score it: rl-cluster evaluate {tmp_path / 'run'}"


def test_train__refuses_a_run_folder_that_exists(run: Path, error_line: Callable[..., str]) -> None:
    before = (run / "metrics.jsonl").read_bytes()

    line = error_line("train", *SMALL, "--out", str(run))

    assert line == f"error: {run}: exists already; go on with --resume {run}, or choose another --out"
    assert (run / "metrics.jsonl").read_bytes() == before


def test_train__refuses_to_train_nothing(error_line: Callable[..., str]) -> None:
    assert "name a preset or file, or a run to --resume" in error_line("train")


def test_train__refuses_an_address_without_ray(tmp_path: Path, error_line: Callable[..., str]) -> None:
    line = error_line("train", *SMALL, "--address", "auto", "--out", str(tmp_path / "run"))

    assert line == "error: --address: engine=local uses no Ray; omit --address, or set engine=ray"
    assert not (tmp_path / "run").exists()


def test_train__writes_nothing_if_an_override_is_wrong(tmp_path: Path, error_line: Callable[..., str]) -> None:
    line = error_line("train", *SMALL, "ppo.lrr=1", "--out", str(tmp_path / "run"))

    assert "ppo.lr" in line
    assert not (tmp_path / "run").exists()


def test_weights__of_another_run_are_what_a_run_begins_with(
    run: Path, tmp_path: Path, exit_code: Callable[..., object]
) -> None:
    settings = [*SMALL, "ppo.lr=[0.0, 0.0]", "training.iterations=1"]

    assert exit_code("train", *settings, "--weights", str(run), "--out", str(tmp_path / "next")) == 0

    before, after = (Checkpoint.load(find_checkpoint(path).folder).weights for path in (run, tmp_path / "next"))
    learnt = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert {name.rpartition(".")[0] for name in learnt} <= {"value_head.popart", "value_head.popart.linear"}


def test_weights__of_another_network_are_refused(run: Path, tmp_path: Path, error_line: Callable[..., str]) -> None:
    line = error_line("train", *SMALL, "model.width=16", "--weights", str(run), "--out", str(tmp_path / "next"))

    assert "has shape" in line
    assert line.endswith(
        "take the task, the kinds of resource and the size of the model from the checkpoint's own config.yaml"
    )
    assert not (tmp_path / "next").exists()


def test_weights__and_resume_exclude_each_other(run: Path, error_line: Callable[..., str]) -> None:
    line = error_line("train", "--weights", str(run), "--resume", str(run))

    assert line == "error: train: --weights and --resume exclude each other; omit --weights: the run has its own"


LONG = (*SMALL[:-3], "training.iterations=1000", "training.checkpoint_every=500", "training.evaluate_every=0")


def _start_training(run: Path, *settings: str) -> subprocess.Popen[str]:
    """A run of its own process, which has reported its first iteration."""
    command = [sys.executable, "-m", "rl_cluster", "train", *LONG, *settings, "--out", str(run)]
    trainer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert trainer.stdout is not None
    next(line for line in trainer.stdout if line.startswith("iteration 1/"))
    return trainer


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal__ends_a_run_after_its_iteration_with_a_checkpoint(
    tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    with _start_training(tmp_path / "run") as trainer:
        trainer.send_signal(number)
        printed, errors = trainer.communicate()

    assert trainer.returncode == exit_code
    last = [line for line in printed.splitlines() if line.startswith("iteration ")][-1:]
    done = int(last[0].split()[1].partition("/")[0]) if last else 1
    assert find_checkpoint(tmp_path / "run").folder.name == f"checkpoint-{done:06}"
    assert errors.splitlines()[-1] == (
        f"error: train: stopped by {number.name}; go on with rl-cluster train --resume {tmp_path / 'run'}"
    )


def test_resume__refuses_other_settings_than_the_runs(run: Path, error_line: Callable[..., str]) -> None:
    (run / "checkpoints" / "checkpoint-000002").rename(run / "elsewhere")

    line = error_line("train", *SMALL, "seed=5", "--resume", str(run))

    assert line == (
        f"error: {run}: seed=5 is not the run's own seed=0; "
        f"to change settings give them alone: rl-cluster train --resume {run} KEY=VALUE"
    )


def test_resume__goes_on_with_the_same_settings_given_again(
    run: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    (run / "checkpoints" / "checkpoint-000002").rename(run / "elsewhere")

    assert exit_code("train", *SMALL, "--resume", str(run)) == 0

    assert "iteration 2/2" in capsys.readouterr().out
    assert find_checkpoint(run).folder.name == "checkpoint-000002"


def test_resume__passes_over_a_damaged_checkpoint_and_says_so(
    run: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    weights = run / "checkpoints" / "checkpoint-000002" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])

    assert exit_code("train", "--resume", str(run)) == 0

    printed = " ".join(capsys.readouterr().out.split())
    assert "passed over:" in printed
    assert "model.safetensors" in printed
    assert find_checkpoint(run).folder.name == "checkpoint-000002"


def test_resume__refuses_a_folder_without_a_checkpoint(tmp_path: Path, error_line: Callable[..., str]) -> None:
    line = error_line("train", "--resume", str(tmp_path))

    assert line.startswith(f"error: {tmp_path}: holds no checkpoint; name a run or checkpoint folder")


def test_resume__refuses_out(run: Path, error_line: Callable[..., str]) -> None:
    assert "--out and --resume exclude each other" in error_line("train", "--resume", str(run), "--out", str(run))


def test_train__that_its_time_limit_cuts_says_so_and_how_to_lengthen_it(
    tmp_path: Path, exit_code: Callable[..., object], error_line: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    cut = "training.time_limit_s=0.001 has cut it after 1 of 2 iterations"

    assert exit_code("train", "debug", *TINY, "training.time_limit_s=0.001", "--out", run) == 0

    longer = f"lengthen it: rl-cluster train --resume {run} training.time_limit_s=0.002"
    assert f"time limit reached at iteration 1 of 2; {longer}" in capsys.readouterr().out
    assert f"has ended: {cut}; evaluate it, or {longer}" in error_line("train", "--resume", run)
    assert exit_code("train", "debug", *TINY, "training.time_limit_s=0.001", "--resume-or-start", run) == 0


def test_resume__with_more_iterations_lengthens_a_run_that_has_ended(
    run: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code("train", "--resume", str(run), "training.iterations=3", "training.keep_checkpoints=3") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == ("changed after iteration 2: training.iterations 2 -> 3, training.keep_checkpoints 2 -> 3")
    assert lines[1].startswith("note: ppo.lr=[")
    assert [line.split("  ")[0] for line in lines if line.startswith("iteration")] == ["iteration 3/3"]
    assert load_config(str(run / "config.yaml")).training.iterations == 3
    assert [change.words for change in read_changes(run)[2]] == lines[0].partition(": ")[2].split(", ")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("seed=5", "seed=5: may not change from 0 while a run goes on: it keys every draw of the run; omit it, or"),
        ("model.width=16", "model.width=16: may not change from 32 while a run goes on: the saved weights have the"),
        ("ppo.gamma=0.5", "ppo.gamma=0.5: may not change from 0.99 while a run goes on: it decides what is learnt"),
        ("training.iterations=1", "has ended: 2 iterations are done, and training.iterations=1; evaluate it, or"),
        ("training.iteration=3", "training.iteration=3: unknown key; did you mean training.iterations?"),
        ("training.iterations=x", 'training.iterations=x: got "x"; give a whole number'),
        ("sampling.worlds_per_runner=8", "is not the run's 4 worlds in flight; set sampling.worlds_per_runner=4, too"),
        ("sampling.num_env_runners=3", "choose a number of runners that divides"),
        ("learners.timeout_s=5", "has no effect with engine=local"),
    ],
)
def test_resume__refuses_what_may_not_change_and_touches_nothing(
    run: Path, error_line: Callable[..., str], change: str, line: str
) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}

    assert line in error_line("train", "--resume", str(run), change)

    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_resume__of_a_run_whose_settings_were_edited_by_hand_holds_them_to_the_same_rule(
    run: Path, error_line: Callable[..., str]
) -> None:
    settings = run / "config.yaml"
    settings.write_text(settings.read_text().replace("seed: 0", "seed: 3"))

    line = error_line("train", "--resume", str(run))

    assert line.startswith(f"error: {settings}: seed=3: may not change from 0")


def test_scenario__is_trained_on_whole_and_scored_without_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    scenario, run = tmp_path / "mine.yaml", tmp_path / "run"
    shutil.copy(SHIPPED_SCENARIOS["small"], scenario)
    given = ["--scenario", str(scenario), "generator.vary.position_m=50"]

    assert exit_code("train", *SMALL, *given, "--out", str(run)) == 0

    scenario.unlink()
    assert exit_code("train", "--resume", str(run), "training.iterations=3") == 0
    assert exit_code("evaluate", str(run), "--episodes", "4", "--policy", "greedy") == 0
    assert "Scenarios of debug (small), varied with seed 1000, never trained on" in capsys.readouterr().out


def test_scenario__that_is_given_as_settings_or_the_other_way_round_is_recognised(
    run: Path, error_line: Callable[..., str]
) -> None:
    scenario = str(SHIPPED_SCENARIOS["small"])

    assert "is a scenario, not settings; train on it: rl-cluster train PRESET --scenario FILE" in error_line(
        "train", scenario
    )
    assert "holds the settings of a run; train with it: rl-cluster train FILE" in error_line(
        "train", "debug", "--scenario", str(run / "config.yaml")
    )


def test_scenario__of_a_run_that_goes_on_is_its_own(run: Path, error_line: Callable[..., str]) -> None:
    line = error_line("train", "--resume", str(run), "--scenario", str(SHIPPED_SCENARIOS["small"]))

    assert line == "error: train: --scenario and --resume exclude each other; omit --scenario: the run has its own"
