"""Observers that play, train and save: each takes settings, does for real what they say, and tells what it has seen."""

from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch

from rl_cluster.api import training as api
from rl_cluster.api.trackers import check_trackers, tracker_openers
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, make_worlds, task_of
from rl_cluster.errors import ClusterError, ConfigError
from rl_cluster.extension.allowance import allowance
from rl_cluster.learning import memory
from rl_cluster.metrics.names import is_timed
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.network import make_model
from rl_cluster.training.engine import EngineLost
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.run import Record, Run
from rl_cluster.training.start import new_start
from rl_cluster.training.trackers import Trackers
from rl_cluster.types import Controls, map_observation

Observer = Callable[[Config], Any]
"""Of a run's settings."""
NUM_WORLDS, NUM_STEPS = 16, 40
PLAYERS = {"allocate": ("random", "greedy"), "navigate": ("random", "straight")}


def worlds(config: Config) -> Any:
    """Observations, rewards and outcomes of heuristics in worlds of evaluation and of training."""
    seen: list[Any] = []
    for is_training in (False, True):
        for name in PLAYERS[config.task]:
            source = make_source(config, config.seed, is_training=is_training)
            batch = make_worlds(config, source, NUM_WORLDS, is_training=is_training)
            policy, observation = task_of(config).heuristics[name](config.seed), batch.reset()
            for _ in range(NUM_STEPS):
                observation, result, outcomes = batch.step(policy.act(batch, observation))
                seen += [observation, result, outcomes]
    return seen


def scenarios(config: Config) -> Any:
    """Episodes, as a trace tells them."""
    batch = make_worlds(config, make_source(config, config.seed, is_training=False), NUM_WORLDS)
    batch.reset()
    recording = task_of(config).recording
    return [recording.scenario_of(batch, row, "start").as_dict() for row in range(NUM_WORLDS)]


def parts(config: Config) -> Any:
    """The names of the parts from which episodes are drawn."""
    source: Any = make_source(config, config.seed, is_training=False)
    return source.part_names(np.arange(NUM_WORLDS), np.zeros(NUM_WORLDS, dtype=np.int64))


def evaluation(config: Config) -> Any:
    """Outcomes of an untrained network's play."""
    source = make_source(config, config.seed, is_training=False)
    return evaluate(ModelPolicy(make_model(config), "sampled"), source, config, NUM_WORLDS)


def compiled(config: Config) -> Any:
    """What compiles the blocks of the network that an engine trains, once they are called."""
    return [block._compiled_call_impl is not None for block in LocalEngine(config).model().blocks]


def network(config: Config) -> Any:
    """The weights' shapes, what the network says of a first observation, and what it keeps for the backward pass."""
    model = make_model(config)
    source = make_source(config, config.seed, is_training=True)
    observation = map_observation(torch.from_numpy, make_worlds(config, source, NUM_WORLDS, is_training=True).reset())
    kept: list[Any] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append((tensor.dtype, tensor.shape))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(observation)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return shapes, output.value_BN, output.policy.mode(), kept


def training(config: Config) -> Any:
    """Metrics and events of all iterations without Ray, and the state that they end in."""
    run, records = Run(LocalEngine(config), config, None), list[Record]()
    while not run.is_last:
        records.append(run.iterate())
    told = [{key: value for key, value in one.metrics.items() if not is_timed(key)} for one in records]
    saved = run.checkpoint()
    return told, [one.events for one in records], saved.weights, saved.optimizer, saved.arrays


def run_folder(config: Config) -> Any:
    """The folder's name, what a run leaves in it, and how many lines of metrics."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", folder)
        start = new_start(config, None)
        train(LocalEngine(config), start, lambda record: None)
        name, *time = start.path.name.rsplit("-", 2)
        assert all(part.isdecimal() for part in time)
        files = sorted(str(path.relative_to(start.path)) for path in start.path.rglob("*"))
        return name, files, len((start.path / "metrics.jsonl").read_text().splitlines())


def losses(config: Config) -> Any:
    """How often a run begins again that is lost in its second iteration each time, and how it ends."""
    lost: list[int] = []

    class Fragile(LocalEngine):
        def iterate(self, iteration: int, controls: Controls) -> dict[str, float]:
            if iteration == 1:
                lost.append(iteration)
                raise EngineLost("Learner 0 is lost")
            return super().iterate(iteration, controls)

    with TemporaryDirectory() as folder, pytest.raises(ClusterError) as caught:
        train(Fragile(config), new_start(config, Path(folder) / "run"), lambda record: None)
    return len(lost), caught.value.remedy.replace(folder, "")


def trackers(config: Config) -> Any:
    """The services that are told of a run, and the folders that they write, beside a store of MLflow's."""
    check_trackers(config.monitoring)
    with TemporaryDirectory() as folder, chdir(folder):
        openers = tracker_openers(config, Path(folder), 1)
        with Trackers(openers) as opened:
            opened.note(Record(1, {"learning/entropy": 0.5}, []))
        return list(openers), sorted(path.name for path in Path(folder).iterdir())


_told: list[int] = []


def note(record: Record) -> None:
    """A callback that a run's settings may name."""
    _told.append(record.done)


def callbacks(config: Config) -> Any:
    """The iterations that callbacks are told of, if the user allows what the settings name."""
    _told.clear()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in allowance(config.callbacks).items():
            patch.setenv(name, value)
        api.train(config, Path(folder) / "run")
    return list(_told)


def readings(config: Config) -> Any:
    """Whether the machine is read anew seven seconds after the last reading."""
    engine = LocalEngine(config)
    before = engine.status().nodes[0]
    engine._read_s -= 7.0
    engine.iterate(0, Controls(1e-3, 0.0, 0.0))
    return engine.status().nodes[0] is before


def threads(config: Config) -> Any:
    """The threads that torch computes with once an engine stands."""
    before = torch.get_num_threads()
    try:
        LocalEngine(config)
        return torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def part_rows(config: Config) -> Any:
    """How many graphs go through the network together on a machine that has a GiB left, or that not even one fits."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        machine = Path(folder) / "meminfo"
        machine.write_text(f"MemAvailable: {1 << 20} kB\n")
        patch.setattr(memory, "_MACHINE", machine)
        patch.setattr(memory, "_GROUP", Path(folder))
        try:
            return LocalEngine(config).iterate(0, Controls(1e-3, 0.0, 0.0))["learning/part_rows"]
        except ConfigError as error:
            return error.remedy
