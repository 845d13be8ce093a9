"""The same command begins a run, goes on with it, and leaves it alone once it has ended."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.training.checkpoints.checkpoint import find_checkpoint
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.requeue import resume_or_start
from rl_cluster.training.run import Record
from rl_cluster.training.start import Start
from tests.conftest import TINY

pytestmark = pytest.mark.slow

COMMAND = ["train", "debug", *TINY, "generator.num_targets=[2, 3]", "--resume-or-start"]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _train_one(start: Start | None) -> None:
    """One iteration, and a checkpoint of it: as a run that was preempted leaves it."""
    assert start
    records: list[Record] = []
    engine = LocalEngine(start.config)
    try:
        train(engine, start, records.append, is_stopped=lambda: bool(records))
    finally:
        engine.close()


def _take_checkpoints(run: Path, to: Path) -> None:
    """Leaves the run as one that was killed before its first."""
    to.mkdir()
    for checkpoint in (run / "checkpoints").iterdir():
        checkpoint.rename(to / checkpoint.name)


def test_command__begins_goes_on_and_ends_the_same_run(
    tiny: Config, tmp_path: Path, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    _train_one(resume_or_start(tiny, run))
    assert find_checkpoint(run).folder.name == "checkpoint-000001"

    assert exit_code(*COMMAND, str(run)) == 0
    assert find_checkpoint(run).folder.name == "checkpoint-000002"
    capsys.readouterr()

    before = _contents(tmp_path)
    assert exit_code(*COMMAND, str(run)) == 0
    assert capsys.readouterr().out == f"run folder: {run}; the run has ended\n"
    assert _contents(tmp_path) == before


def test_run__that_has_no_checkpoint_yet_begins_anew_and_nothing_is_lost(tiny: Config, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for number in (1, 2):
        _train_one(resume_or_start(tiny, run))
        _take_checkpoints(run, tmp_path / f"saved-{number}")
        lost = _contents(run)

        start = resume_or_start(tiny, run)

        assert start
        assert (start.checkpoint, run.exists()) == (None, False)
        aside = tmp_path / f"run.unsaved-{number}"
        assert list(_contents(aside).values()) == list(lost.values())


def test_run__that_another_trainer_begins_is_left_alone(tiny: Config, tmp_path: Path) -> None:
    run = tmp_path / "run"
    _train_one(resume_or_start(tiny, run))
    _take_checkpoints(run, tmp_path / "saved")

    with (run / "metrics.jsonl").open("rb") as metrics:
        fcntl.flock(metrics, fcntl.LOCK_EX)
        with pytest.raises(CheckpointError, match="is being written by another trainer; wait for it"):
            resume_or_start(tiny, run)

    assert run.is_dir()


def test_run__of_other_settings_or_no_run_is_refused(tiny: Config, tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    _train_one(resume_or_start(tiny, run))
    other.mkdir()

    changed = tiny.model_copy(update={"seed": tiny.seed + 1})
    with pytest.raises(ConfigError, match=r"seed=.* is not the run's own seed=.*; give the run's own settings, or"):
        resume_or_start(changed, run)
    with pytest.raises(CheckpointError, match="exists already, and is no run folder; name the folder of a run, or"):
        resume_or_start(tiny, other)


def test_command__wants_one_folder_and_a_run(tmp_path: Path, error_line: Callable[..., str]) -> None:
    run = str(tmp_path / "run")

    for option in ("--out", "--resume"):
        assert "excludes --out and --resume; omit them" in error_line(*COMMAND, run, option, run)
    assert "nothing to train is given; name a preset" in error_line("train", "--resume-or-start", run)
    assert not Path(run).exists()
