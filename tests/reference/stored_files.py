"""Writes a small file of each kind that outlives a version, as this version writes it.

`python -m tests.reference.stored_files FOLDER` writes them for a release; `tests/stored/` keeps them, a folder a
format of settings, and `tests/unit/test_stored_files.py` reads them for ever after.
"""

import shutil
import sys
from itertools import count
from pathlib import Path

from rl_cluster.config.formats import FORMAT_KEY
from rl_cluster.config.load import load_config
from rl_cluster.config.migrations import FORMAT
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.evaluation.trace import Trace
from rl_cluster.sampling.episodes import evaluate
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.journal import JOURNAL, Journal
from rl_cluster.tune.study_folder import begin_study
from tests.conftest import TINY

__all__ = ["write_stored_files"]

SETTINGS = f"""\
{FORMAT_KEY}: {FORMAT}
base: debug
name: stored
ppo:
  clip: 0.1
"""
KEPT = ("config.yaml", "metrics.jsonl", "checkpoints")
"""Of a run; the rest tells of the machine."""


def write_stored_files(folder: Path) -> None:
    """Makes the folder: RUN, settings.yaml, trace.jsonl, STUDY."""
    folder.mkdir(parents=True)
    (folder / "settings.yaml").write_text(SETTINGS, encoding="utf-8")
    settings = ["generator.num_targets=[2, 3]", "sampling.worlds_per_runner=1", "training.checkpoint_every=1"]
    config = load_config("debug", [*TINY, *settings])
    _write_run(config, folder / "run")
    _write_trace(config, folder / "trace.jsonl")
    _write_study(folder / "study")


def _write_run(config: Config, path: Path) -> None:
    """One iteration of two, and its checkpoint alone."""
    asked = count()
    train(LocalEngine(config), new_start(config, path), lambda record: None, lambda: next(asked) > 0)
    shutil.rmtree(path / "checkpoints" / "checkpoint-000000")
    for other in path.iterdir():
        if other.name not in KEPT:
            shutil.rmtree(other) if other.is_dir() else other.unlink()


def _write_trace(config: Config, file: Path) -> None:
    task = task_of(config)
    with file.open("w", encoding="utf-8") as stream:
        observer = Trace(stream, task.recording)
        observer.group = "generated"
        source = make_source(config, 7, is_training=False)
        evaluate(task.heuristics[task.reference](7), source, config, 1, observer=observer)


def _write_study(folder: Path) -> None:
    """A study with one trial that has ended and one that still trains."""
    config = load_config("tune_demo", ["engine=local", "study.num_seeds=1"])
    begin_study(config, folder)
    assert config.study
    sample = {dimension.key: dimension.low for dimension in config.study.space}
    place = {"sample": sample, "rounds": 1, "stage": 1.0, "stage_rounds": 1, "held": 0.0, "diverged": 0.0}
    scores = {str(seed): 0.5 for seed in config.study.seeds}
    with Journal(folder / JOURNAL, config) as journal:
        for trial, status in (("00000", "ended"), ("00001", "trains")):
            journal.note(Entry.model_validate({"trial": trial, "status": status, "scores": scores, **place}))
    (folder / "trials").rmdir()  # git keeps no empty folder


if __name__ == "__main__":
    write_stored_files(Path(sys.argv[1]))
