"""What one iteration of a preset leaves: its checkpoint, scores and a trace, as numbers to store and compare.

`python -m tests.reference.first_iteration` prints what `tests/stored/first_iteration.json` holds. Write that file again
only where a change of behaviour is meant, which goes into the changelog, or where episodes have another metric.
"""

import hashlib
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from rl_cluster.config.formats import FORMAT_KEY
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.evaluation.trace import Trace
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start

PRESETS = ("debug", "navigate_demo")
"""One of each task; beside the policy, the task's reference is scored."""
OVERRIDES = ["engine=local", "training.iterations=1", "monitoring.tensorboard=false"]
NUM_EPISODES = 4


def machine() -> dict[str, str]:
    """What the last bits depend on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model, flags = (
        next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
        for key in ("model name", "flags")
    )
    return {
        "processor": f"{platform.machine()} {model} {hashlib.sha256(flags.encode()).hexdigest()[:8]}",
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def first_iteration(preset: str, folder: Path) -> dict[str, Any]:
    """Trains a preset for one iteration in a new folder, then plays its policy and a heuristic."""
    config = load_config(preset, OVERRIDES)
    train(LocalEngine(config), new_start(config, folder), lambda record: None, lambda: False)
    checkpoint = find_checkpoint(folder).folder
    arrays: dict[str, NDArray[Any]] = {}
    for file in ("model.safetensors", "optimizer.safetensors"):
        arrays |= {f"{file}/{name}": array for name, array in load_file(checkpoint / file).items()}
    with np.load(checkpoint / "worlds.npz", allow_pickle=False) as worlds:
        arrays |= {f"worlds.npz/{name}": worlds[name] for name in worlds.files}
    scores, trace = _played(config, checkpoint, folder / "trace.jsonl")
    return {"arrays": {name: _summary(array) for name, array in sorted(arrays.items())}, "scores": scores} | trace


def _played(config: Config, checkpoint: Path, file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    task = task_of(config)
    source = make_source(config, 7, is_training=False)
    policy = ModelPolicy(load_model(Checkpoint.load(checkpoint)).eval(), "sampled", 7)
    scores = {"policy": _means(evaluate(policy, source, config, NUM_EPISODES))}
    with file.open("w", encoding="utf-8") as stream:
        observer = Trace(stream, task.recording)
        observer.group = "generated"
        outcomes = evaluate(task.heuristics[task.reference](7), source, config, NUM_EPISODES, observer=observer)
    scores[task.reference] = _means(outcomes)
    return scores, {"trace": hashlib.sha256(_without_format(file)).hexdigest()}


def _without_format(trace: Path) -> bytes:
    """The lines of a trace without the number of their format, which says nothing of what was played."""
    lines = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    assert all(line.pop(FORMAT_KEY) for line in lines)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _means(outcomes: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in sorted(outcomes.items())}


def _summary(array: NDArray[Any]) -> dict[str, Any]:
    """Its bits, and two sums that tell how far it is off where the bits differ."""
    content = np.ascontiguousarray(array)
    digest = hashlib.sha256(content.tobytes()).hexdigest()[:16]
    numbers = content.astype(np.float64)
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "sha256": digest,
        "sum": float(numbers.sum()),
        "magnitude": float(np.abs(numbers).sum()),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        runs = {preset: first_iteration(preset, Path(scratch, preset)) for preset in PRESETS}
    json.dump({"machine": machine(), "presets": runs}, sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
