"""Changes to the files of a checkpoint that keep its form as far as its kind allows: YAML, JSON, arrays, tensors."""

import io
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from rl_cluster.training.checkpoints.sealed_folder import read_sealed, write_sealed
from tests.hostile.fuzz.mutations import mutated_bytes, mutated_data, mutated_text

__all__ = ["reseal_changed"]

TENSORS = ("model.safetensors", "optimizer.safetensors", "stages.safetensors")


def reseal_changed(random: Random, checkpoint: Path) -> None:
    """One file of a checkpoint is changed, and all of it sealed anew; tensors and worlds more often than the rest."""
    files = read_sealed(checkpoint)
    name = random.choice([*sorted(files), *TENSORS, "worlds.npz", "worlds.npz", "state.json"])
    files[name] = _changed_file(random, name, files[name])
    write_sealed(checkpoint, files)


def _changed_file(random: Random, name: str, content: bytes) -> bytes:
    """The content of a file of a checkpoint, changed after its kind."""
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
            elif array.dtype.kind in "iu":
                limits = np.iinfo(array.dtype)
                flat[part] = random.choice([0, 1, 2, 3, 4, -1, -2, 16, 17, limits.max, limits.min, int(flat[0])])
            else:
                choices = [0.0, -1.0, 1.0, 1e-30, 1e9, -1e9, 1e14, -1e14, 1e15, 1e30, -1e38, np.inf, -np.inf, np.nan]
                flat[part] = random.choice(choices)
            return changed
