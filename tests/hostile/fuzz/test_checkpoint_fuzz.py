"""Checkpoints that a disk has damaged, and those that somebody has sealed anew: refused, or they train on."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from rl_cluster.training.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.sealed_folder import read_sealed, write_sealed
from rl_cluster.training.start import new_start, resumed_start
from tests.conftest import TINY
from tests.hostile.fuzz.mutations import mutated_bytes, mutated_data, mutated_text
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
TENSORS = ("model.safetensors", "optimizer.safetensors", "stages.safetensors")


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
        files = read_sealed(newest)
        name = random.choice([*sorted(files), *TENSORS, "worlds.npz", "worlds.npz", "state.json"])
        files[name] = _changed(random, name, files[name])
        write_sealed(newest, files)
        start = resumed_start(path)
        return _train_on(start.config, start.path)

    return case


def _train_on(config: Config, path: Path) -> str:
    if config.sampling.worlds_per_runner * config.sampling.fragment_steps > 1000 or config.engine != "local":
        return "too large to be tried"
    train(LocalEngine(config), resumed_start(path), lambda record: None, lambda: True)
    return "trained on"


def _changed(random: Random, name: str, content: bytes) -> bytes:
    if random.random() < 0.1:
        return mutated_bytes(random, content)
    if name.endswith(".yaml"):
        return mutated_text(random, content.decode())
    if name.endswith(".json"):
        return json.dumps(mutated_data(random, json.loads(content))).encode(errors="surrogatepass")
    if name.endswith(".npz"):
        return _changed_arrays(random, content)
    return _changed_tensors(random, content)


def _changed_tensors(random: Random, content: bytes) -> bytes:
    tensors: dict[str, Tensor] = load_tensors(content)
    if not tensors:
        return save_tensors({"x": torch.zeros(2)})
    for _ in range(random.choice([1, 1, 3])):
        name = random.choice(sorted(tensors))
        tensors |= {name: _changed_tensor(random, tensors[name])}
        if random.random() < 0.15:
            tensors[random.choice([f"{name}x", "extra", "stage9/weights/x"])] = tensors.pop(name)
        elif random.random() < 0.1:
            del tensors[name]
    return bytes(save_tensors({name: tensor.contiguous() for name, tensor in tensors.items()}))


def _changed_tensor(random: Random, tensor: Tensor) -> Tensor:
    value = random.choice([0.0, -1.0, 1.0, 1e30, -1e30, 1e5, 1e38, float("inf"), float("nan"), 2.0**24, 65504.0, 1e-40])
    match random.randrange(6):
        case 0:
            return tensor.flatten()[: random.randrange(tensor.numel() + 1)].clone()
        case 1:
            return torch.cat([tensor.flatten()] * 3)
        case 2:
            kinds = [torch.float16, torch.float64, torch.int64, torch.int8, torch.bool, torch.bfloat16]
            return tensor.to(random.choice(kinds))
        case 3:
            return tensor.reshape([1, *tensor.shape]).clone()
        case _:
            changed = tensor.clone()
            numbers = changed.view(-1)
            value = value if changed.is_floating_point() else random.choice([0, -1, 2**31, 2**62, -(2**63)])
            if numbers.numel():
                part = slice(None) if random.random() < 0.5 else slice(random.randrange(numbers.numel()), None)
                numbers[part] = value
            return changed


def _changed_arrays(random: Random, content: bytes) -> bytes:
    with np.load(io.BytesIO(content)) as archive:
        arrays = dict(archive)
    for _ in range(random.choice([1, 1, 3])):
        name = random.choice(sorted(arrays))
        arrays[name] = _changed_array(random, arrays[name])
        if random.random() < 0.1:
            arrays[random.choice([f"{name}x", "runner9/k", "runner0/../x"])] = arrays.pop(name)
        elif random.random() < 0.1:
            del arrays[name]
    file = io.BytesIO()
    savez: Any = np.savez  # its stub takes a flag's name for one of them
    savez(file, **arrays)
    return file.getvalue()


def _changed_array(random: Random, array: NDArray[Any]) -> NDArray[Any]:
    match random.randrange(8):
        case 0:
            return array[: random.randrange(len(array) + 1)].copy()
        case 1:
            return np.concatenate([array, array])
        case 2:
            with np.errstate(all="ignore"):
                return array.astype(random.choice(["f8", "i8", "?", "u1", "f2", ">f4", "S3"]))
        case 3:
            return array[None].copy()
        case _:
            changed = array.copy()
            flat = changed.reshape(-1)
            if not flat.size:
                return changed
            part = slice(None) if random.random() < 0.4 else slice(random.randrange(flat.size), None)
            if array.dtype == np.bool_:
                flat.view(np.uint8)[part] = random.choice([0, 1, 1, 1, 2, 255])
            elif array.dtype.kind == "i":
                limits = np.iinfo(array.dtype)
                flat[part] = random.choice([0, 1, 2, 3, 4, -1, -2, 16, 17, limits.max, limits.min, int(flat[0])])
            else:
                choices = [0.0, -1.0, 1.0, 1e-30, 1e9, -1e9, 1e14, -1e14, 1e15, 1e30, -1e38, np.inf, -np.inf, np.nan]
                flat[part] = random.choice(choices)
            return changed
