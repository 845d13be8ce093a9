"""Checkpoints that a disk has damaged, and those that somebody has sealed anew: refused, or they train on."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start, resumed_start
from tests.conftest import TINY
from tests.hostile.fuzz.checkpoint_changes import reseal_changed
from tests.hostile.fuzz.mutations import mutated_bytes
from tests.hostile.fuzz.runner import FEW, MANY, assert_no_faults

STAGES = (
    "curriculum={pace: aggressive, metric: success_rate, grace: 0, fallback_share: 0.5, floor_share: null, "
    "num_passes: 1, num_failures: 1, max_fallbacks: 3, lr_decay: 0.5, stages: ["
    "{num_uavs: [2, 2], num_obstacles: [0, 0], mix: [1.0, 0.0], pass_score: 0.001}, "
    "{num_uavs: [2, 3], num_obstacles: [0, 2], mix: [0.7, 0.3], pass_score: 0.5}]}"
)
KINDS = {
    "allocate": ["debug", "generator.num_targets=[2, 3]", "model.precision=fp16"],
    "navigate": [
        "navigate_demo", "generator.num_obstacles=[0, 2]", "generator.spacing_m=150.0", "sampling.num_env_runners=0",
        "generator.obstacle_radius_m=[8.0, 14.0]", "world.time_limit_sides=0.7", "training.evaluate_every=1", STAGES,
    ],
}  # fmt: skip


@pytest.fixture(scope="module", params=list(KINDS.values()), ids=list(KINDS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two iterations of four, with a checkpoint of each."""
    preset, *overrides = request.param
    settings = ["training.iterations=4", "training.checkpoint_every=1"]
    config = load_config(preset, [*TINY, *overrides, *settings])
    path = tmp_path_factory.mktemp("fuzz") / "run"
    count = iter(range(2))
    train(LocalEngine(config), new_start(config, path), lambda record: None, lambda: next(count) == 1)
    return path


@pytest.mark.slow
def test_damaged_checkpoint__is_passed_over_for_the_older_one(run: Path, tmp_path: Path) -> None:
    assert_no_faults(_damaged(run), tmp_path, FEW)


@pytest.mark.slow
def test_resealed_checkpoint__is_refused_or_trains_on(run: Path, tmp_path: Path) -> None:
    assert_no_faults(_resealed(run), tmp_path, FEW, least_share=0.02)


@pytest.mark.long
def test_damaged_checkpoint__is_passed_over_in_all_of_many_cases(run: Path, tmp_path: Path) -> None:
    assert_no_faults(_damaged(run), tmp_path, MANY)


@pytest.mark.long
def test_resealed_checkpoint__is_refused_or_trains_on_in_all_of_many_cases(run: Path, tmp_path: Path) -> None:
    assert_no_faults(_resealed(run), tmp_path, MANY, least_share=0.02)


def _damaged(run: Path) -> Callable[[Random, Path], object]:
    def case(random: Random, folder: Path) -> object:
        shutil.copytree(run / "checkpoints", folder / "checkpoints")
        older, newest = sorted((folder / "checkpoints").iterdir())
        path = random.choice(sorted(newest.iterdir()))
        content = path.read_bytes()
        changed = mutated_bytes(random, content)
        path.write_bytes(changed)
        found = find_checkpoint(folder)
        if changed == content:
            return "nothing was changed"
        assert (found.folder, len(found.damaged)) == (older, 1)
        with pytest.raises(CheckpointError):
            Checkpoint.load(newest)
        return "passed over"

    return case


def _resealed(run: Path) -> Callable[[Random, Path], object]:
    def case(random: Random, folder: Path) -> object:
        path = folder / "run"
        shutil.copytree(run, path)
        newest = max((path / "checkpoints").iterdir())
        reseal_changed(random, newest)
        start = resumed_start(path)
        return _train_on(start.config, start.path)

    return case


def _train_on(config: Config, path: Path) -> str:
    if config.sampling.worlds_per_runner * config.sampling.fragment_steps > 1000 or config.engine != "local":
        return "too large to be tried"
    train(LocalEngine(config), resumed_start(path), lambda record: None, lambda: True)
    return "trained on"
