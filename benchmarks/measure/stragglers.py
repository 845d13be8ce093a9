"""Measures what one slow env runner of four costs, and whether training without waiting for it learns as well.

    python -m benchmarks.measure.stragglers [--quick] [--json FILE]

Speed: every runner pauses after each fragment, as a slow simulator would, and one of them four times as long, so that
runners wait rather than compute and do not take each other's cores. The peer is the same mode with no runner slowed,
less the fragments that the slow one cannot make. Learning: `debug` with two env runners, trained for as many steps in
both modes, with several seeds; the difference of the mean return over held-out episodes has a 95 % interval over seeds.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch
from ray.rllib.callbacks.callbacks import RLlibCallback
from scipy import stats

from benchmarks.report import Row, finish
from benchmarks.warm_up import warm_up
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.metrics.names import evaluation_key
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.messages import without_known_messages
from rl_cluster.training.run import Run

__all__ = ["ROWS", "main"]

NUM_RUNNERS, SLOWED = 4, 4.0
LIMIT = (NUM_RUNNERS - 1 + 1 / SLOWED) / NUM_RUNNERS
"""The share of the fragments that can still be made."""
GOAL = 0.8
RETURN = evaluation_key("per_agent_reward")
ROWS = ("sync", "async", "debug: return of async minus that of sync")


class Extent(NamedTuple):
    """How much is measured."""

    pause_s: float
    """Seconds that a runner pauses after each fragment, if it is not slowed."""
    batches: int
    seeds: int
    iterations: int | None
    """Iterations of `debug` for each seed; None = as many as the preset has."""


FULL = Extent(pause_s=0.5, batches=24, seeds=5, iterations=None)
QUICK = Extent(pause_s=0.2, batches=6, seeds=2, iterations=2)


class Pausing(RLlibCallback):  # type: ignore[misc]  # RLlib is not typed
    """Pauses after each fragment; the last runner, if it is slowed, for longer."""

    pause_s, is_one_slowed = FULL.pause_s, True

    def on_sample_end(self, *, env_runner: Any, **_: Any) -> None:
        """RLlib calls it in the env runner."""
        is_slow = self.is_one_slowed and env_runner.worker_index == NUM_RUNNERS
        time.sleep(self.pause_s * (SLOWED if is_slow else 1.0))


class AllAlike(Pausing):
    """The same with no runner slowed."""

    is_one_slowed = False


class QuickPausing(Pausing):
    """Shorter pauses."""

    pause_s = QUICK.pause_s


class QuickAllAlike(AllAlike):
    """Shorter pauses."""

    pause_s = QUICK.pause_s


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few batches, seeds and iterations")
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    extent = QUICK if options.quick else FULL
    slowed, alike = (QuickPausing, QuickAllAlike) if options.quick else (Pausing, AllAlike)
    warm_up(load_config("debug"))
    with connect("local"), without_known_messages():
        speeds = {mode: batches_per_s(mode, slowed, extent) for mode in ("sync", "async")}
        whole = {mode: batches_per_s(mode, alike, extent) for mode in speeds}
        returns = {mode: list(train_seeds(mode, extent)) for mode in ("sync", "async")}
    rows = [
        Row.of(mode, speed, LIMIT * whole[mode], "without waiting", "batches/s", GOAL if mode == "async" else None)
        for mode, speed in speeds.items()
    ]
    gaps = [one - other for one, other in zip(returns["async"], returns["sync"], strict=True)]
    low, high = stats.t.interval(0.95, len(gaps) - 1, fmean(gaps), stats.sem(gaps))
    rows.append(Row(ROWS[-1], fmean(gaps), unit="return", met=bool(low <= 0.0 <= high)))
    finish("stragglers", rows, ROWS, options.json, returns=returns, interval=[low, high], without_straggler=whole)


def batches_per_s(mode: str, callback: type[RLlibCallback], extent: Extent) -> float:
    """Batches a second of a run of four runners, after the first ones."""
    small = ["sampling.worlds_per_runner=8", "training.iterations=1000", "training.evaluate_every=0"]
    run = load_config("debug", [*_settings(NUM_RUNNERS, mode), *small])
    engine = RayEngine(run, callbacks=[callback], watches_nodes=False)
    driven = Run(engine, run, None)
    try:
        for _ in range(2):
            driven.iterate()
        begin_s = time.perf_counter()
        for _ in range(extent.batches):
            driven.iterate()
        return extent.batches / (time.perf_counter() - begin_s)
    finally:
        engine.close()


def train_seeds(mode: str, extent: Extent) -> Iterator[float]:
    """The last evaluation's return of `debug` with each seed."""
    for seed in range(extent.seeds):
        run = _debug(mode, seed, extent)
        engine = RayEngine(run, watches_nodes=False)
        driven = Run(engine, run, None)
        try:
            while not driven.is_last:
                driven.iterate()
            means, _ = driven.evaluate()
            yield means[RETURN]
        finally:
            engine.close()


def _debug(mode: str, seed: int, extent: Extent) -> Config:
    iterations = [] if extent.iterations is None else [f"training.iterations={extent.iterations}"]
    late = ["training.evaluate_every=0", "training.evaluation_episodes=400", "training.time_limit_s=1e6"]
    return load_config("debug", [*_settings(2, mode), *iterations, *late, f"seed={seed}"])


def _settings(num_runners: int, mode: str) -> list[str]:
    lags = ["sampling.max_lag=4"] if mode == "async" else []
    return [f"sampling.num_env_runners={num_runners}", "sampling.cpus_per_runner=0.2", f"sampling.mode={mode}", *lags]


if __name__ == "__main__":
    main()
