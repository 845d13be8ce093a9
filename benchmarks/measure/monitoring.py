"""Measures the cost of monitoring a run, and whether healthy runs raise alarms.

    python -m benchmarks.measure.monitoring [--quick] [--json FILE]

One run of preset `debug` on Ray has two env runners. Blocks of iterations are watched or not, in the order ABBA. In
blocks that are not watched, a signal stops the monitors of the nodes, and no service gets a record. The CPU time of
watching is that of the monitors' processes, of the threads that send records, and of the calculations in between.
"""

import argparse
import math
import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import ray
from scipy.stats import t as student

from benchmarks.cpu_time import CpuTime
from benchmarks.report import Row, finish
from benchmarks.warm_up import warm_up
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.metrics.tensorboard import TensorBoardTracker
from rl_cluster.metrics.tracking import Tracker
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.gauges import GaugeTracker
from rl_cluster.rllib.node_monitor import NodeMonitors
from rl_cluster.training.files.run_folder import RunFolder
from rl_cluster.training.files.status import STATUS, StatusBoard
from rl_cluster.training.run import Run
from rl_cluster.training.trackers import Trackers

__all__ = ["ROWS", "main"]

CPU_GOAL, TIME_GOAL = 0.01, 0.03
SETTINGS = ["sampling.num_env_runners=2", "sampling.cpus_per_runner=0.5", "training.iterations=1000000",
            "training.evaluate_every=0"]  # fmt: skip
TWO_LEARNERS = ["learners.num_learners=2", "learners.cpus_per_learner=0.5"]
WARM_UP = 5
HEALTHY_ITERATIONS = 12
SHARE, MEAN, UPPER, ALARMS = ROWS = (
    "CPU time of watching, share of all",
    "iteration time, watched / not, - 1: mean",
    "the same, upper end of its 95 % interval",
    "alarms in healthy runs",
)


class _Nobody(NodeMonitors):
    """Monitors that watch nothing."""

    def readings(self) -> list[Any]:
        """No readings."""
        return []


class _Watched:
    """A run whose iterations may be watched or not."""

    def __init__(self, config: Config, folder: Path) -> None:
        self._engine = RayEngine(config)
        self._run = Run(self._engine, config, None)
        self._folder = RunFolder.create(folder / "run", config)
        self._board = StatusBoard(config, self._folder.metrics)
        openers: dict[str, Callable[[], Tracker]] = {
            "TensorBoard": lambda: TensorBoardTracker(folder, 1),
            "gauges": lambda: GaugeTracker(config.name),
        }
        self._trackers = Trackers(openers)
        monitors = self._engine._nodes  # noqa: SLF001 - the engine hides its monitors
        assert monitors, "the engine watches its nodes"
        self._monitors, self._nobody = monitors, _Nobody(config.name, 1e9)
        self.cpu_s = 0.0
        """CPU seconds of the calculations and records beside training, in the trainer's own thread"""
        for _ in range(WARM_UP):
            self.iterate(1, is_watched=True)
        self.monitor_pids = ray.get([_pid_of(actor) for actor in self._monitors._actors.values()])  # noqa: SLF001 - the engine hides its monitors
        self.worker_pids = [*self._engine.algorithm.runners.for_each(lambda _: os.getpid())]

    def iterate(self, count: int, *, is_watched: bool) -> float:
        """Runs `count` iterations, and returns their seconds."""
        self._engine._nodes = self._monitors if is_watched else self._nobody  # noqa: SLF001 - the engine hides its monitors
        begin_s = time.perf_counter()
        for _ in range(count):
            record = self._run.iterate()
            if is_watched:
                own_s = time.thread_time()
                status = self._board.note(record.done, record.metrics, [], self._engine.status())
                self._folder.write(STATUS, status)
                self._engine.tell(status)
                self._trackers.note(record)
                self.cpu_s += time.thread_time() - own_s
        return time.perf_counter() - begin_s

    def close(self) -> None:
        """Ends the run."""
        self._trackers.__exit__(None, None, None)
        self._engine._nodes = self._monitors  # noqa: SLF001 - the engine hides its monitors
        self._engine.close()
        self._folder.close()


def _pid_of(actor: Any) -> Any:
    return actor.__ray_call__.remote(lambda _: os.getpid())


@contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _thread_cpu_s() -> float:
    """CPU time of the threads of this process that watch: those that send records, and the heartbeat of the gauges."""
    names = {thread.native_id for thread in threading.enumerate() if thread.name.startswith(("outbox", "gauges"))}
    return sum(float(one.user_time + one.system_time) for one in psutil.Process().threads() if one.id in names)


def _cpu_s(pids: Sequence[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids) + _thread_cpu_s()


def measure_cost(num_pairs: int, iterations: int) -> list[Row]:
    """Rows of the CPU time of watching over all, and of the time of watched iterations over others."""
    ratios: list[float] = []
    watching_s = all_s = 0.0
    with ExitStack() as ending, tempfile.TemporaryDirectory() as folder:
        ending.enter_context(connect("local"))
        run = _Watched(load_config("debug", SETTINGS), Path(folder))
        ending.callback(run.close)
        meter = CpuTime([*run.worker_pids, *run.monitor_pids])
        for pair in range(num_pairs):
            seconds = {}
            for is_watched in (True, False) if pair % 2 else (False, True):
                if is_watched:
                    before = (_cpu_s(run.monitor_pids) + run.cpu_s, meter.seconds())
                    seconds[True] = run.iterate(iterations, is_watched=True)
                    watching_s += _cpu_s(run.monitor_pids) + run.cpu_s - before[0]
                    all_s += meter.seconds() - before[1]
                else:
                    with _stopped(run.monitor_pids):
                        seconds[False] = run.iterate(iterations, is_watched=False)
            ratios.append(math.log(seconds[True] / seconds[False]))
    half = student.ppf(0.975, len(ratios) - 1) * statistics.stdev(ratios) / math.sqrt(len(ratios))
    mean = statistics.mean(ratios)
    return [
        Row.at_most(SHARE, watching_s / all_s, "", CPU_GOAL),
        Row(MEAN, math.expm1(mean)),
        Row.at_most(UPPER, math.expm1(mean + half), "", TIME_GOAL),
    ]


def measure_alarms(num_runs: int) -> Row:
    """The row of alarms in healthy runs, every second of which has two Learners."""
    alarms = 0
    with connect("local"):
        for seed in range(num_runs):
            settings = [*SETTINGS, f"seed={seed}", *(TWO_LEARNERS if seed % 2 else [])]
            engine = RayEngine(load_config("debug", settings))
            run = Run(engine, engine.config, None)
            alarms += sum(len(run.iterate().events) for _ in range(HEALTHY_ITERATIONS))
            engine.close()
    return Row.at_most(ALARMS, float(alarms), f"in {num_runs} runs", 0.0)


def main() -> None:
    """Measures, prints, and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warm_up(load_config("debug", SETTINGS))
    rows = measure_cost(*((3, 5) if arguments.quick else (12, 15)))
    rows.append(measure_alarms(2 if arguments.quick else 20))
    finish("watching a run", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
