"""A run that is copied to an object store: it goes on from there as if it had never stopped, and outlives the store."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import SharedAddress
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.files.fetched_run import fetched
from rl_cluster.training.files.run_mirror import OWNER
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.requeue import resume_or_start
from rl_cluster.training.start import Start, new_start, resumed_start
from tests.object_store import ObjectStore

pytestmark = pytest.mark.slow

Act = Callable[[int], None]


def _nothing(done: int) -> None:
    """Does nothing after an iteration."""


@pytest.fixture
def place(store: ObjectStore) -> SharedAddress:
    return SharedAddress.parse(f"s3://{store.bucket}/runs/first")


@pytest.fixture
def config(tiny: Config) -> Config:
    """Five iterations, with a checkpoint after every second one."""
    training = tiny.training.model_copy(update={"iterations": 5, "checkpoint_every": 2})
    return tiny.model_copy(update={"training": training})


def _train(start: Start, act: Act = _nothing) -> Path:
    engine = LocalEngine(start.config)
    try:
        return train(engine, start, lambda record: act(record.done))
    finally:
        engine.close()


def _cut_after(iterations: int) -> Act:
    def act(done: int) -> None:
        if done == iterations:
            raise InterruptedError

    return act


def _iterations(lines: bytes) -> list[int]:
    return [json.loads(line)["iteration"] for line in lines.splitlines()]


def _assert_same(left: Checkpoint, right: Checkpoint) -> None:
    """Bit for bit."""
    for expected, tensors in ((left.weights, right.weights), (left.optimizer, right.optimizer)):
        assert all(torch.equal(tensor, tensors[name]) for name, tensor in expected.items())
    assert all((array == right.arrays[name]).all() for name, array in left.arrays.items())


def test_train__resumed_from_the_store_equals_uninterrupted(
    config: Config, place: SharedAddress, store: ObjectStore, tmp_path: Path
) -> None:
    whole = Checkpoint.load(_train(new_start(config, tmp_path / "whole")))
    with pytest.raises(InterruptedError):
        _train(new_start(config, place), _cut_after(3))
    shutil.rmtree(tmp_path / "home" / "rl_cluster_runs")  # the machine is gone

    start = resumed_start(place)
    saved = _train(start)

    assert start.checkpoint is not None
    assert start.checkpoint.iteration == 2
    assert start.shared == place
    _assert_same(whole, Checkpoint.load(saved))
    with fetched(place) as folder:
        _assert_same(whole, Checkpoint.load(find_checkpoint(folder).folder))
    assert _iterations(store.objects("runs/first")["metrics.jsonl"]) == [1, 2, 3, 4, 5]


def test_train__with_a_store_that_fails_on_the_way_goes_on_and_copies_later(
    config: Config, place: SharedAddress, store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    def act(done: int) -> None:
        if done == 1:
            store.remove()
        if done == 3:
            assert "there is no bucket" in caplog.text
            assert "the run goes on, and copies its next checkpoint" in caplog.text
            store.make()

    with caplog.at_level(logging.WARNING):
        saved = _train(new_start(config, place), act)

    with fetched(place) as folder:
        assert find_checkpoint(folder).folder.name == saved.name == "checkpoint-000005"


def test_train__with_a_store_that_fails_at_the_end_says_where_the_run_is(
    config: Config, place: SharedAddress, store: ObjectStore, tmp_path: Path
) -> None:
    def act(done: int) -> None:
        if done == 5:
            store.remove()

    with pytest.raises(CheckpointError, match=r"the last checkpoint is only in .*; .*, then copy .* there") as caught:
        _train(new_start(config, place), act)

    (local,) = (tmp_path / "home" / "rl_cluster_runs").iterdir()
    assert str(local) in caught.value.remedy
    assert find_checkpoint(local).folder.name == "checkpoint-000005"


def test_train__that_may_not_write_there_leaves_nothing(
    config: Config,
    place: SharedAddress,
    store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with store.guarded() as reader:
        with pytest.raises(CheckpointError, match="the store refuses access; export AWS_ACCESS_KEY_ID and"):
            new_start(config, place)  # nobody knows this key
        for name, value in reader.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(CheckpointError, match="the store refuses access; export AWS_ACCESS_KEY_ID and"):
            _train(new_start(config, place))

    assert list((tmp_path / "home" / "rl_cluster_runs").glob("*")) == []
    assert store.objects() == {}


def test_train__whose_place_another_trainer_takes_ends(config: Config, place: SharedAddress) -> None:
    def act(done: int) -> None:
        if done == 3:
            with pytest.raises(InterruptedError):
                _train(resumed_start(place), _cut_after(3))

    with pytest.raises(CheckpointError, match="another trainer writes there now; this run is whole in"):
        _train(new_start(config, place), act)


def test_new_start__takes_weights_from_the_store_and_no_place_that_is_taken(
    config: Config, place: SharedAddress, tmp_path: Path
) -> None:
    saved = Checkpoint.load(_train(new_start(config, place)))

    weights = new_start(config, tmp_path / "second", place).weights
    assert weights is not None
    assert all(torch.equal(tensor, weights[name]) for name, tensor in saved.weights.items())
    with pytest.raises(CheckpointError, match=f"^{place}: exists already; go on with --resume {place}, or choose"):
        new_start(config, place)
    with pytest.raises(CheckpointError, match=f"^{place}: has ended: .*--resume {place} training"):
        resumed_start(place)
    with pytest.raises(CheckpointError, match=f"^{place}-2: does not exist; name the address that was given to --out"):
        resumed_start(SharedAddress.parse(f"{place}-2"))


def test_resume_or_start__begins_goes_on_and_ends_the_same_run(
    config: Config, place: SharedAddress, store: ObjectStore, tmp_path: Path
) -> None:
    store.put(f"runs/first/{OWNER}", b"{}")
    store.put("runs/first/checkpoints/checkpoint-000000/state.json", b"{}")  # killed before its first manifest
    first = resume_or_start(config, place)
    assert first
    with pytest.raises(InterruptedError):
        _train(first, _cut_after(3))

    with pytest.raises(ConfigError, match="give the run's own settings, or another folder"):
        resume_or_start(config.model_copy(update={"seed": 7}), place)
    second = resume_or_start(config, place)
    assert second
    assert second.checkpoint
    _train(second)

    runs = sorted((tmp_path / "home" / "rl_cluster_runs").iterdir())
    assert resume_or_start(config, place) is None
    assert sorted((tmp_path / "home" / "rl_cluster_runs").iterdir()) == runs
