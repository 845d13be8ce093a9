"""The one checkpoint format: all state of a run at the end of an iteration, as RUN/checkpoints/checkpoint-000123/.

Safetensors, npz without pickle, JSON and YAML only, in a sealed folder (`sealed_folder.py`): nothing that is read can
run code, and nothing is parsed before its hash has been checked. What the state is made of is decided by the engines.
"""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as format_tensors
from torch import Tensor

from rl_cluster.config.load import load_saved, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.training.checkpoint_store import (
    checkpoint_name,
    is_checkpoint,
    list_checkpoints,
    older_sound_checkpoint,
    prune_checkpoints,
)
from rl_cluster.training.sealed_folder import Damage, read_sealed, write_sealed

__all__ = ["Checkpoint", "FoundCheckpoint", "find_checkpoint", "load_model"]

WEIGHTS, OPTIMIZER, SNAPSHOTS, ARRAYS = "model.safetensors", "optimizer.safetensors", "stages.safetensors", "worlds.npz"
CONFIG, STATE = "config.yaml", "state.json"
FILES = (WEIGHTS, OPTIMIZER, SNAPSHOTS, ARRAYS, CONFIG, STATE)
MAX_STATE_BYTES = 64 << 20

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that a run needs to go on as if it had never stopped."""

    config: Config
    """The resolved config of the run."""
    iteration: int
    """Iterations done; it names the folder."""
    weights: dict[str, Tensor]
    """`TransformerGNN.state_dict()`: parameters and value statistics."""
    optimizer: dict[str, Tensor]
    """`Updater.state_dict()`."""
    arrays: dict[str, NDArray[Any]]
    """Worlds in flight, by names like 'runner0/time_s'."""
    state: dict[str, Any]
    """Whatever else there is, as JSON values: counters, wall time, controllers. No NaN or infinity."""
    snapshots: dict[str, Tensor] = field(default_factory=dict)
    """`StageSnapshots.state_dict()`: what was learnt when stages of a curriculum were passed."""

    def save(self, checkpoints: Path, keep: int) -> Path:
        """Writes the checkpoint into the folder `checkpoints`, then prunes; returns the checkpoint's folder.

        Kept are the `keep` newest up to this one. Later ones come from a future that a resume from an earlier
        iteration has left: they go. Nothing is deleted before the new checkpoint is on the disk.

        Raises:
            CheckpointError: It cannot be written. The former checkpoints are untouched.
        """
        assert keep >= 2, "a damaged checkpoint needs an older one behind it"
        folder = checkpoints / checkpoint_name(self.iteration)
        try:
            checkpoints.mkdir(exist_ok=True)  # not the run folder: who has deleted it shall hear of it
            write_sealed(folder, self._files())
        except OSError as error:
            remedy = "make room or choose another folder; the former checkpoints are untouched"
            raise CheckpointError(str(folder), f"cannot be written: {error.strerror}", remedy) from error
        prune_checkpoints(checkpoints, self.iteration, keep)
        return folder

    def _files(self) -> dict[str, bytes]:
        return {
            WEIGHTS: _format_tensors(self.weights),
            OPTIMIZER: _format_tensors(self.optimizer),
            SNAPSHOTS: _format_tensors(self.snapshots),
            ARRAYS: _format_arrays(self.arrays),
            CONFIG: to_yaml(self.config).encode(),
            STATE: json.dumps({"iteration": self.iteration, "state": self.state}, allow_nan=False).encode(),
        }

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Reads a checkpoint folder, if every byte of it is as it was written.

        Raises:
            CheckpointError: The folder is none, or damaged; the message names the file, what is wrong with it, and the
                newest older sound checkpoint beside it.
        """
        try:
            files = _read(folder)
            iteration, state = _parse(folder, STATE, _parse_state, files)
            return cls(
                config=_load_config(folder / CONFIG),
                iteration=iteration,
                weights=_parse(folder, WEIGHTS, parse_tensors, files),
                optimizer=_parse(folder, OPTIMIZER, parse_tensors, files),
                arrays=_parse(folder, ARRAYS, _parse_arrays, files),
                state=state,
                snapshots=_parse(folder, SNAPSHOTS, parse_tensors, files),
            )
        except Damage as damage:
            raise _to_error(damage, folder) from damage


class FoundCheckpoint(NamedTuple):
    """What `find_checkpoint` came upon."""

    folder: Path
    """The newest sound checkpoint."""
    damaged: tuple[CheckpointError, ...]
    """Newer ones that had to be passed over, and why."""


def find_checkpoint(path: Path) -> FoundCheckpoint:
    """The newest sound checkpoint of a run folder or of its `checkpoints` folder, or the checkpoint folder itself.

    Raises:
        CheckpointError: There is no such folder, it holds no checkpoint, or none that is sound; a checkpoint folder
            that is named itself is damaged.
    """
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise CheckpointError(str(path), what, "name a run folder or a checkpoint folder")
    if is_checkpoint(path):
        candidates = [path]
    else:
        candidates = list_checkpoints(path / "checkpoints" if (path / "checkpoints").is_dir() else path)
    if not candidates:
        remedy = "name a run or checkpoint folder; a run that ended before its first checkpoint has to start again"
        raise CheckpointError(str(path), "holds no checkpoint", remedy)
    damaged = []
    for folder in candidates:
        try:
            _read(folder)
        except Damage as damage:
            damaged.append(_to_error(damage, folder))
        else:
            return FoundCheckpoint(folder, tuple(damaged))
    raise damaged[0]


def load_model(checkpoint: Checkpoint, config: Config | None = None) -> TransformerGNN:
    """The network with the checkpoint's weights, as a run of `config` builds it; None: as the checkpoint's own did.

    Raises:
        CheckpointError: Names or shapes of the weights are not those of the model that the config describes.
    """
    model = TransformerGNN((config or checkpoint.config).model, graph_spec(config or checkpoint.config))
    expected, weights = model.state_dict(), checkpoint.weights
    where = f"checkpoint of iteration {checkpoint.iteration}"
    remedy = "its model weights and its config are not of the same run; use another checkpoint"
    if config:
        remedy = "take the task, the kinds of resource and the size of the model from the checkpoint's own config.yaml"
    for name in sorted(expected.keys() ^ weights.keys()):
        what = f"weight {name} is missing" if name in expected else f"weight {name} is unknown to the model"
        raise CheckpointError(where, what, remedy)
    for name, tensor in expected.items():
        if weights[name].shape != tensor.shape:
            what = f"weight {name} has shape {list(weights[name].shape)}, the model's is {list(tensor.shape)}"
            raise CheckpointError(where, what, remedy)
        if not weights[name].isfinite().all():
            raise CheckpointError(where, f"weight {name} is not finite", "use an older checkpoint")
    model.load_state_dict(weights)
    return model


def _read(folder: Path) -> dict[str, bytes]:
    files = read_sealed(folder)
    for name in sorted(files.keys() ^ set(FILES)):
        raise Damage(folder / name, "is missing" if name in FILES else "does not belong to a checkpoint")
    return files


def _to_error(damage: Damage, folder: Path) -> CheckpointError:
    """The user's error, with the newest older sound checkpoint as the remedy."""
    older = older_sound_checkpoint(folder)
    remedy = f"use {older}" if older else "train again; there is no older sound checkpoint beside it"
    return CheckpointError(str(damage.where), damage.what, remedy)


def _parse(folder: Path, name: str, parse: Callable[[bytes], ValueT], files: dict[str, bytes]) -> ValueT:
    try:
        return parse(files[name])
    except (SafetensorError, zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError) as error:
        raise Damage(folder / name, f"cannot be parsed: {error}") from error
    except (MemoryError, RecursionError) as error:
        raise Damage(folder / name, f"cannot be parsed: {type(error).__name__}") from error


def _load_config(path: Path) -> Config:
    try:
        return load_saved(path)
    except ConfigError as error:
        raise Damage(path, str(error).removeprefix(f"{path}: ")) from error


def _parse_state(content: bytes) -> tuple[int, dict[str, Any]]:
    if len(content) > MAX_STATE_BYTES:
        raise ValueError(f"{len(content)} bytes are more than {MAX_STATE_BYTES}")
    body = json.loads(content)
    iteration, state = body["iteration"], body["state"]
    if not isinstance(iteration, int) or not isinstance(state, dict):
        raise TypeError("iteration is not a number, or state not a mapping")
    return iteration, state


def _format_tensors(tensors: dict[str, Tensor]) -> bytes:
    return bytes(format_tensors({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))


def _format_arrays(arrays: dict[str, NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member_info = zipfile.ZipInfo(f"{name}.npy")  # without the time of day: equal arrays give equal bytes
            with archive.open(member_info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    return file.getvalue()


def _parse_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise ValueError("a member is compressed")  # ours never are: a small file cannot fill the memory
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: np.asarray(arrays[name]) for name in arrays.files}
