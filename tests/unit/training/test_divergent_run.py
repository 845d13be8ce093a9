"""Runs that diverge and are told to go back: they recover, a bounded number of times, and resume bit for bit."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.schedulers.divergence import Divergence
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.controllers import Controllers
from rl_cluster.training.events import Diverging
from rl_cluster.training.files.metrics_lines import read_metrics
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.run import Record
from rl_cluster.training.start import new_start, resumed_start

pytestmark = pytest.mark.slow

NUM_ITERATIONS, SAVED_EVERY = 8, 2


def _config(tiny: Config, **controllers: Any) -> Config:
    data = tiny.model_dump()
    data["training"] |= {"iterations": NUM_ITERATIONS, "checkpoint_every": SAVED_EVERY, "keep_checkpoints": 9}
    data["ppo"] |= {"lr": (1e-4, 1e-4)}
    data["controllers"] |= {"on_divergence": "restore", "max_restores": 2, **controllers}
    return type(tiny).model_validate(data)


def _break(engine: LocalEngine) -> None:
    with torch.no_grad():
        next(engine.model().parameters()).fill_(math.nan)


def _play(
    config: Config, folder: Path, broken_after: set[int], stop_after: int = NUM_ITERATIONS, is_resumed: bool = False
) -> list[Record]:
    """A run whose weights are broken after some iterations."""
    engine, records = LocalEngine(config), list[Record]()

    def report(record: Record) -> None:
        records.append(record)
        if record.done in broken_after:
            _break(engine)

    start = resumed_start(folder) if is_resumed else new_start(config, folder)
    train(engine, start, report, is_stopped=lambda: [record.done for record in records[-1:]] == [stop_after])
    return records


def _diverging(records: list[Record]) -> dict[int, str]:
    told = {record.done: event for record in records for event in record.events}
    return {done: event.words for done, event in told.items() if isinstance(event, Diverging)}


def _is_equal(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(tensor, right[name]) for name, tensor in left.items())


@pytest.mark.parametrize("broken_after", [1, 4, 5])
def test_weights_that_are_not_finite__go_back_to_what_was_last_good(
    tiny: Config, tmp_path: Path, broken_after: int
) -> None:
    config = _config(tiny)

    records = _play(config, tmp_path / "run", {broken_after})

    why = "diverging: the loss or KL is not finite; restored (1 of 2), lr 1e-4 -> 5e-5"
    assert _diverging(records) == {broken_after + 1: why}
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[broken_after]["events"] == [
        {
            "kind": "diverging",
            "why": {"sign": "not finite", "value": None, "limit": None},
            "restore": {"number": 1, "most": 2, "lr": {"before": 1e-4, "after": 5e-5}},
        }
    ]
    assert all(math.isfinite(record.metrics["learning/policy_loss"]) for record in records[broken_after + 1 :])
    last = Checkpoint.load(find_checkpoint(tmp_path / "run").folder)
    assert all(tensor.isfinite().all() for tensor in (*last.weights.values(), *last.optimizer.values()))


def test_restored_run__has_the_weights_and_the_optimizer_of_the_last_good_checkpoint(
    tiny: Config, tmp_path: Path
) -> None:
    _play(_config(tiny), tmp_path / "run", {5})

    good, after = (Checkpoint.load(tmp_path / "run" / "checkpoints" / f"checkpoint-{number:06d}") for number in (4, 6))
    assert _is_equal(good.weights, after.weights)
    assert _is_equal(good.optimizer, after.optimizer)
    assert after.state["controllers"]["lr_factor"] == 0.5


def test_restores__are_bounded(tiny: Config, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not finite, and no run can go on from that"):
        _play(_config(tiny), tmp_path / "run", {1, 3, 5}, stop_after=6)

    events = [event for line in read_metrics(tmp_path / "run" / "metrics.jsonl") for event in line.get("events", [])]
    assert [event.restore and event.restore.words for event in events if isinstance(event, Diverging)] == [
        "restored (1 of 2), lr 1e-4 -> 5e-5",
        "restored (2 of 2), lr 5e-5 -> 2.5e-5",
        None,
    ]


def test_divergence__changes_nothing_where_it_is_only_told(tiny: Config, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not finite, and no run can go on from that; go on from"):
        _play(_config(tiny, on_divergence="none"), tmp_path / "run", {1}, stop_after=3)

    lines = list(read_metrics(tmp_path / "run" / "metrics.jsonl"))
    assert [line.get("events") for line in lines] == [None, [Diverging("diverging", Divergence("not finite"))], None]
    assert "learning/policy_loss" not in lines[-1]  # there is none that is finite
    last_sound = Checkpoint.load(find_checkpoint(tmp_path / "run").folder)
    assert (last_sound.iteration, last_sound.snapshots) == (0, {})


def test_run_with_a_huge_learning_rate__recovers_by_going_back(tiny: Config, tmp_path: Path) -> None:
    """At a rate of 1 the first update leaves a policy that never tries anything again; halved, it goes on choosing."""
    last = {}
    for action in ("none", "restore"):
        config = _config(tiny, on_divergence=action, max_restores=20)
        update = {
            "ppo": config.ppo.model_copy(update={"lr": (1.0, 1.0), "minibatch_rows": 16}),
            "sampling": config.sampling.model_copy(update={"worlds_per_runner": 8, "fragment_steps": 8}),
            "training": config.training.model_copy(update={"iterations": 10}),  # until the rate is small enough
        }
        records = _play(config.model_copy(update=update), tmp_path / action, set(), stop_after=10)
        assert "diverging: KL" in _diverging(records)[1]
        last[action] = records[-1].metrics

    assert last["none"]["learning/entropy"] < 1e-3
    assert last["restore"]["learning/entropy"] > 0.1
    assert last["restore"]["learning/last_epoch_kl"] < 1.0


@pytest.mark.parametrize("stop_after", [3, 4, 5, 6, 7])
def test_resumed__equals_uninterrupted_across_a_restore(tiny: Config, tmp_path: Path, stop_after: int) -> None:
    config = _config(tiny, kl_target=1e-9)  # every update that moves anything is far off it: both restores are used
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    records = _play(config, whole, set())
    _play(config, cut, set(), stop_after=stop_after)

    resumed = _play(config, cut, set(), is_resumed=True)

    assert sum("restored" in event for event in _diverging(records).values()) == 2
    assert [record.events for record in records[stop_after:]] == [record.events for record in resumed]
    expected, found = (Checkpoint.load(find_checkpoint(folder).folder) for folder in (whole, cut))
    for part in ("weights", "optimizer", "snapshots"):
        assert _is_equal(getattr(expected, part), getattr(found, part))
    assert expected.state["controllers"] == found.state["controllers"]


def test_learning_rate__of_a_run_that_goes_back_never_falls_below_its_least() -> None:
    config = load_config(
        "debug", ["controllers.on_divergence=restore", "controllers.max_restores=9", "controllers.min_lr=1e-4"]
    )
    controllers = Controllers(config)
    for done in range(1, 12):
        is_restored, _ = controllers.note_update({}, done)
        assert is_restored is (done <= 9)

    assert controllers.controls(12).lr == 1e-4


def test_restore__is_refused_where_the_optimizer_cannot_go_back(error_line: Callable[..., str]) -> None:
    line = error_line("train", "debug", "api_stack=old", "controllers.on_divergence=restore")

    assert line.endswith("the old one's optimizer cannot go back; set it to none")
    with pytest.raises(ConfigError, match=r"got 0; give a whole number at least 1"):
        load_config("debug", ["controllers.max_restores=0"])
