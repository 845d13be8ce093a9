"""The one checkpoint format: all state of a run at the end of an iteration, as RUN/checkpoints/checkpoint-000123/.

It consists of safetensors, npz without pickle, JSON and YAML only, in a sealed folder (`sealed_folder.py`): nothing
that is read can run code, and nothing is parsed before its hash has been checked. The engines decide what the state
contains.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray
from torch import Tensor, device

from rl_cluster.config.load import to_yaml, validated
from rl_cluster.config.migrations import UNNUMBERED
from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.environment.shared.array_form import ArrayForm
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.learning.memory import available_bytes
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.network import make_model
from rl_cluster.training.checkpoints.content import CONTROLLERS, Content, weights_fault
from rl_cluster.training.checkpoints.files import (
    ARRAYS,
    CONFIG,
    FILES,
    OPTIMIZER,
    SNAPSHOTS,
    STATE,
    WEIGHTS,
    Unreadable,
    format_arrays,
    format_state,
    format_tensors,
    parse_arrays,
    parse_state,
    parse_tensors,
)
from rl_cluster.training.checkpoints.migrations import (
    ADDED_FIELDS,
    REMOVED_FIELDS,
    migrated_arrays,
    migrated_files,
    migrated_optimizer,
    migrated_state,
    migrated_weights,
)
from rl_cluster.training.checkpoints.sealed_folder import (
    FORMAT_VERSION,
    Damage,
    Newer,
    Sealed,
    read_sealed,
    write_sealed,
)
from rl_cluster.training.checkpoints.store import (
    check_folder,
    checkpoint_name,
    is_checkpoint,
    iteration_of,
    list_checkpoints,
    older_checkpoints,
    prune_checkpoints,
)
from rl_cluster.training.controllers import Controllers

__all__ = ["Checkpoint", "FoundCheckpoint", "find_checkpoint", "load_model"]


MAX_CONFIG_BYTES = 1 << 20
GIB = float(1 << 30)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that a run needs in order to continue as if it had never stopped."""

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
    """All other state as JSON values: counters, wall time, controllers. No NaN or infinity."""
    snapshots: dict[str, Tensor] = field(default_factory=dict)
    """`StageSnapshots.state_dict()`: what was learnt when stages of a curriculum were passed."""
    lacks: str | None = None
    """Why no run can resume from it: what an older version did not save; None = a run can resume."""

    def save(self, checkpoints: Path, keep: int) -> Path:
        """Writes the checkpoint into the folder `checkpoints`, then prunes; returns the checkpoint's folder.

        The `keep` newest up to this one are kept. Later ones are deleted: they come from a future that the run left
        when it resumed from an earlier iteration. Nothing is deleted before the new checkpoint is on the disk.

        Raises:
            CheckpointError: It cannot be written, or its numbers are not finite. Earlier checkpoints are untouched.
        """
        assert keep >= 2, "a damaged checkpoint needs an older one behind it"
        assert not self.lacks, "no run goes on from it, so none saves it"
        folder = checkpoints / checkpoint_name(self.iteration)
        if name := self._not_finite():
            what = f"is not written: {name} is not finite, and no run can go on from that"
            remedy = "go on from the checkpoint before it, with a smaller ppo.lr or controllers.on_divergence=restore"
            raise CheckpointError(str(folder), what, remedy)
        try:
            checkpoints.mkdir(exist_ok=True)  # not the run folder: if the user has deleted it, an error must say so
            write_sealed(folder, self._files())
        except OSError as error:
            remedy = "make room or choose another folder; the former checkpoints are untouched"
            raise CheckpointError(str(folder), f"cannot be written: {error.strerror}", remedy) from error
        prune_checkpoints(checkpoints, self.iteration, keep)
        return folder

    def _not_finite(self) -> str | None:
        """The name of a tensor that is not finite, because the run has diverged; None = all are finite."""
        tensors = {**self.weights, **self.optimizer}
        return next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), None)

    def _files(self) -> dict[str, bytes]:
        return {
            WEIGHTS: format_tensors(self.weights),
            OPTIMIZER: format_tensors(self.optimizer),
            SNAPSHOTS: format_tensors(self.snapshots),
            ARRAYS: format_arrays(self.arrays),
            CONFIG: to_yaml(self.config).encode(),
            STATE: format_state(self.iteration, self.state),
        }

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Reads a checkpoint folder if every byte is as it was written, and all of it fits its own settings.

        A checkpoint of an older version is read as if this one had written it. `lacks` says if no run can resume from
        it.

        Raises:
            CheckpointError: The folder is not a checkpoint, is damaged, its content does not fit, or a newer version
                wrote it. The message names the file, what is wrong with it, and the newest older sound checkpoint
                beside it.
        """
        try:
            return _load(folder)
        except Damage as damage:
            raise _to_error(damage, folder) from damage


class _Misfit(Damage):
    """The folder is as it was written, but no run of its settings writes that: accidental damage cannot explain it."""


class FoundCheckpoint(NamedTuple):
    """The result of `find_checkpoint`."""

    folder: Path
    """The newest sound checkpoint."""
    damaged: tuple[CheckpointError, ...]
    """The errors of newer ones, which were skipped."""


def find_checkpoint(path: Path) -> FoundCheckpoint:
    """The newest sound checkpoint of a run folder or of its `checkpoints` folder, or the checkpoint folder itself.

    A checkpoint that a full disk, a kill or a flipped bit has damaged is skipped and reported. A checkpoint whose files
    are all as they were written, but need more memory than its settings require, is refused: somebody made it so.
    `Checkpoint.load` refuses everything else that does not fit in the same way. A checkpoint of a newer version is
    refused, too: the older ones beside it are not the run's latest state.

    Raises:
        CheckpointError: There is no such folder, it holds no checkpoint, or no sound one; or `path` is itself a
            checkpoint folder, and damaged.
    """
    check_folder(path)
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
        except (_Misfit, Newer) as misfit:
            raise _to_error(misfit, folder) from misfit
        except Damage as damage:
            damaged.append(_to_error(damage, folder))
        else:
            return FoundCheckpoint(folder, tuple(damaged))
    raise damaged[0]


def load_model(checkpoint: Checkpoint, config: Config | None = None) -> TransformerGNN:
    """The network with the checkpoint's weights, as a run of `config` builds it; None: the checkpoint's own config.

    Raises:
        CheckpointError: Names or shapes of the weights are not those of the model that the config describes.
    """
    model = make_model(config or checkpoint.config)
    if what := weights_fault(model.state_dict(), checkpoint.weights):
        remedy = "its model weights and its config are not of the same run; use another checkpoint"
        if config:
            remedy = (
                "take the task, the kinds of resource and the size of the model from the checkpoint's own config.yaml"
            )
        raise CheckpointError(f"checkpoint of iteration {checkpoint.iteration}", what, remedy)
    model.load_state_dict(checkpoint.weights)
    return model


class _Read(NamedTuple):
    """The files of a checkpoint as bytes."""

    files: dict[str, bytes]
    content: Content
    config: Config
    number: int
    """of the format"""


def _load(folder: Path) -> Checkpoint:
    """Raises Damage."""
    read = _read(folder)
    parts: dict[str, Any] = {}
    for part, name, parse in (
        ("state", STATE, parse_state),
        ("weights", WEIGHTS, parse_tensors),
        ("optimizer", OPTIMIZER, parse_tensors),
        ("snapshots", SNAPSHOTS, parse_tensors),
        ("arrays", ARRAYS, lambda array_file: parse_arrays(array_file, _array_forms(read))),
    ):
        try:
            parts[part] = parse(read.files[name])
        except Unreadable as error:
            if name != ARRAYS or read.number == FORMAT_VERSION:
                raise _Misfit(folder / name, f"cannot be parsed: {error}") from error
            parts[part] = {}
    iteration, parts["state"] = parts["state"]
    if read.number < FORMAT_VERSION:
        parts |= _migrated(read.config, parts)
    lacks = _check_fit(folder, read, iteration, parts)
    named = iteration_of(folder)
    if named is not None and named != iteration:
        raise _Misfit(folder / STATE, f"is of iteration {iteration}, the folder's name of {named}")
    return Checkpoint(config=read.config, iteration=iteration, lacks=lacks, **parts)


def _array_forms(read: _Read) -> dict[str, ArrayForm]:
    """The forms of the worlds in flight, as the version that wrote them knew them."""
    forms = read.content.arrays
    if read.number == FORMAT_VERSION:
        return forms
    added, removed = (fields.get(read.config.task, {}) for fields in (ADDED_FIELDS, REMOVED_FIELDS))
    older = {name: form for name, form in forms.items() if name.partition("/")[2] not in added}
    runners = {name.partition("/")[0] for name in forms}
    return older | {
        f"{runner}/{name}": forms[f"{runner}/{like}"] for runner in runners for name, like in removed.items()
    }


def _migrated(config: Config, parts: dict[str, Any]) -> dict[str, Any]:
    return {
        "state": migrated_state(parts["state"], CONTROLLERS, Controllers(config).state_dict()),
        "weights": migrated_weights(config, parts["weights"]),
        "optimizer": migrated_optimizer(config, parts["optimizer"]),
        "snapshots": migrated_weights(config, parts["snapshots"]),
        "arrays": migrated_arrays(config, parts["arrays"]),
    }


def _check_fit(folder: Path, read: _Read, iteration: int, parts: dict[str, Any]) -> str | None:
    """What an older version's checkpoint lacks for a run to resume. Raises _Misfit for anything else that does not fit.

    Empties the parts that only a resumed run needs, if they do not fit.
    """
    lacks = None
    for misfit in read.content.misfits(iteration=iteration, **parts):
        part = {ARRAYS: "arrays", OPTIMIZER: "optimizer"}.get(misfit.file)
        if not part or read.number == FORMAT_VERSION:
            raise _Misfit(folder / misfit.file, misfit.what)
        parts[part] = {}
        lacks = lacks or f"{misfit.file}: {misfit.what}"
    return lacks


def _read(folder: Path) -> _Read:
    """Every file; together they are no larger than the settings need. Raises Damage."""
    found: list[tuple[Content, Config, int]] = []

    def check(sealed: Sealed) -> None:
        expected = set(FILES) if sealed.number == FORMAT_VERSION else {*FILES} - ({SNAPSHOTS} - sealed.num_bytes.keys())
        for name in sorted(sealed.num_bytes.keys() ^ expected):
            raise Damage(folder / name, "is missing" if name in FILES else "does not belong to a checkpoint")
        found.append((*_check_sizes(sealed), sealed.number))

    files = read_sealed(folder, check)
    content, config, number = found[0]
    return _Read(files if number == FORMAT_VERSION else migrated_files(files), content, config, number)


def _check_sizes(sealed: Sealed) -> tuple[Content, Config]:
    """Refuses files larger than the settings need, before they are read."""
    folder = sealed.folder
    if sealed.num_bytes[CONFIG] > MAX_CONFIG_BYTES:
        raise _Misfit(folder / CONFIG, f"has {sealed.num_bytes[CONFIG]} bytes, more than {MAX_CONFIG_BYTES}")
    config = _parse_config(sealed.read(CONFIG), folder / CONFIG)
    content = Content(config)
    most = content.max_bytes()
    for name, num_bytes in sealed.num_bytes.items():
        if num_bytes > most[name]:
            what = f"has {num_bytes} bytes, and its settings need no more than {most[name]}"
            raise _Misfit(folder / name, what)
    total, free = sum(sealed.num_bytes.values()), available_bytes(device("cpu"))
    if total > free:
        raise _Misfit(folder, f"has {total / GIB:.1f} GiB, and {free / GIB:.1f} GiB of memory are free")
    return content, config


def _parse_config(text: bytes, path: Path) -> Config:
    """Parses the bytes that have been checked; does not read the disk again."""
    try:
        data = parse_yaml(text.decode(), str(path))
        if not isinstance(data, dict):
            raise _Misfit(path, "is not a mapping")
        return validated(data, str(path), UNNUMBERED)
    except UnicodeDecodeError:
        raise _Misfit(path, "is not UTF-8") from None
    except ConfigError as error:
        raise _Misfit(path, str(error).removeprefix(f"{path}: ")) from error


def _to_error(damage: Damage, folder: Path) -> CheckpointError:
    """The user's error, with the newest older sound checkpoint as the remedy."""
    if isinstance(damage, Newer):
        return CheckpointError(str(damage.where), damage.what, damage.remedy)
    older = next((path for path in older_checkpoints(folder) if _is_sound(path)), None)
    remedy = f"use {older}" if older else "train again; there is no older sound checkpoint beside it"
    return CheckpointError(str(damage.where), damage.what, remedy)


def _is_sound(folder: Path) -> bool:
    try:
        _load(folder)
    except Damage:
        return False
    return True
