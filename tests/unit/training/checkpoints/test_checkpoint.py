import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rl_cluster.config.load import load_config
from rl_cluster.errors import CheckpointError
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.checkpoints.sealed_folder import read_sealed, write_sealed
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.run import Run
from tests.conftest import TINY

CONFIG = load_config("debug", [*TINY, "sampling.num_env_runners=2"])
NAMES = [
    "model.safetensors", "optimizer.safetensors", "stages.safetensors", "worlds.npz", "config.yaml", "state.json",
    "manifest.json",
]  # fmt: skip


@cache
def _trained() -> Checkpoint:
    run = Run(LocalEngine(CONFIG), CONFIG, None)
    run.iterate()
    return run.checkpoint()


def _make_checkpoint(iteration: int = 20, weights: dict[str, Tensor] | None = None) -> Checkpoint:
    return replace(_trained(), iteration=iteration, weights=_trained().weights if weights is None else weights)


def _damage(file: Path, kind: str) -> None:
    content = file.read_bytes()
    match kind:
        case "flipped":
            middle = len(content) // 2
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        case "truncated":
            file.write_bytes(content[:-1])
        case "missing":
            file.unlink()


def _forge(folder: Path, name: str, content: bytes) -> None:
    """Puts another content into a checkpoint, with a manifest that says it belongs there."""
    write_sealed(folder, {**read_sealed(folder), name: content})


def test_checkpoint__comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint = _make_checkpoint()

    loaded = Checkpoint.load(checkpoint.save(tmp_path, keep=2))

    assert (loaded.config, loaded.iteration) == (CONFIG, 20)
    assert loaded.state == json.loads(json.dumps(checkpoint.state))
    for tensors, originals in ((loaded.weights, checkpoint.weights), (loaded.optimizer, checkpoint.optimizer)):
        assert tensors.keys() == originals.keys()
        for name, tensor in originals.items():
            assert tensors[name].dtype == tensor.dtype
            assert torch.equal(tensors[name], tensor)
    assert loaded.arrays.keys() == checkpoint.arrays.keys()
    for name, array in checkpoint.arrays.items():
        assert loaded.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded.arrays[name], array, strict=False)


def test_checkpoint__of_equal_values_has_equal_bytes(tmp_path: Path) -> None:
    checkpoint = _make_checkpoint()

    first, second = (read_sealed(checkpoint.save(tmp_path / name, keep=2)) for name in ("first", "second"))

    assert first == second


def test_checkpoint__is_named_by_iteration_and_holds_these_files(tmp_path: Path) -> None:
    folder = _make_checkpoint(123).save(tmp_path / "checkpoints", keep=2)

    assert folder == tmp_path / "checkpoints" / "checkpoint-000123"
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)


def test_save__keeps_the_newest_and_replaces_an_equal_iteration(tmp_path: Path) -> None:
    for iteration in (1, 2, 3, 3):
        folder = _make_checkpoint(iteration).save(tmp_path, keep=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-000002", "checkpoint-000003"]
    assert Checkpoint.load(folder).iteration == 3


def test_save__that_cannot_write_leaves_the_former_checkpoint(tmp_path: Path) -> None:
    former = _make_checkpoint(1).save(tmp_path, keep=2)
    (tmp_path / "file").touch()

    with pytest.raises(CheckpointError, match=r"cannot be written: .*; make room or choose another folder"):
        _make_checkpoint(2).save(tmp_path / "file", keep=2)
    assert Checkpoint.load(former).iteration == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("kind", "words"), [("flipped", "changed"), ("truncated", "truncated"), ("missing", "missing")]
)
def test_load__names_the_damage_and_offers_the_older_checkpoint(
    tmp_path: Path, name: str, kind: str, words: str
) -> None:
    older, folder = (_make_checkpoint(iteration).save(tmp_path, keep=2) for iteration in (110, 120))
    _damage(folder / name, kind)

    with pytest.raises(CheckpointError) as caught:
        Checkpoint.load(folder)
    error = caught.value
    assert error.where == str(folder / name)
    assert words in error.what
    assert error.remedy == f"use {older}"


def test_load__without_a_sound_older_one_says_so(tmp_path: Path) -> None:
    older, folder = (_make_checkpoint(iteration).save(tmp_path, keep=2) for iteration in (110, 120))
    for damaged in (older, folder):
        _damage(damaged / "model.safetensors", "truncated")

    with pytest.raises(CheckpointError, match="train again; there is no older sound checkpoint beside it"):
        Checkpoint.load(folder)


def test_load__refuses_a_folder_that_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"manifest\.json: is missing"):
        Checkpoint.load(tmp_path)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code from a checkpoint has run')",)


Forge = Callable[[bytes, Path], bytes]


def _zip_with(folder: Path, content: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    """The checkpoint's archive, with one of its arrays exchanged."""
    file = io.BytesIO()
    with zipfile.ZipFile(folder / "worlds.npz") as former, zipfile.ZipFile(file, "w", compression) as archive:
        for name in former.namelist():
            archive.writestr(name, content if name == "runner1/time_s.npy" else former.read(name))
    return file.getvalue()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _npy_of_shape(shape: tuple[int, ...]) -> bytes:
    """An array's header of that shape, and hardly any values."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(80)


@pytest.mark.parametrize("name", NAMES[:-1])
def test_load__runs_no_pickle_whatever_file_it_is_in(tmp_path: Path, name: str) -> None:
    folder = _make_checkpoint().save(tmp_path, keep=2)
    _forge(folder, name, pickle.dumps(_Bomb()))

    with pytest.raises(CheckpointError) as caught:
        Checkpoint.load(folder)
    assert caught.value.where == str(folder / name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_npy(np.array([_Bomb(), 0], dtype=object)), "array runner1/time_s is not float32"),
        (_npy_of_shape((10**16,)), "array runner1/time_s is not float32"),
        (_npy_of_shape((2,)), "array runner1/time_s is not float32"),
        (b"\x93NUMPY\x01\x00v\x00" + b"(" * 118, "array runner1/time_s is not float32"),
        (b"", "array runner1/time_s is not float32"),
    ],
    ids=["objects", "huge shape", "of another dtype", "no Python", "empty"],
)
def test_load__refuses_arrays_that_could_do_harm(tmp_path: Path, content: bytes, words: str) -> None:
    folder = _make_checkpoint().save(tmp_path, keep=2)
    _forge(folder, "worlds.npz", _zip_with(folder, content))

    with pytest.raises(CheckpointError, match=words):
        Checkpoint.load(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content, folder: _zip_with(folder, _npy(np.zeros(9)), zipfile.ZIP_DEFLATED), "a member is compressed"),
        (lambda content, folder: b"PK\x03\x04", "not a zip file"),
        (lambda content, folder: content.replace(b"runner1/time_s", b"runner1/time_x"), "is missing"),
        (lambda content, folder: content.replace(b"runner1/time_s", b"runner0/time_s"), "is missing|twice"),
    ],
    ids=["compressed", "no zip", "renamed", "twice"],
)
def test_load__refuses_archives_that_could_do_harm(tmp_path: Path, change: Forge, words: str) -> None:
    folder = _make_checkpoint().save(tmp_path, keep=2)
    _forge(folder, "worlds.npz", change((folder / "worlds.npz").read_bytes(), folder))

    with pytest.raises(CheckpointError, match=rf"worlds\.npz: cannot be parsed: .*({words})"):
        Checkpoint.load(folder)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"iteration": "3", "state": {}}', '{"iteration": 3, "state": []}', "[" * 10**6]
)
def test_load__refuses_a_state_of_another_form(tmp_path: Path, text: str) -> None:
    folder = _make_checkpoint().save(tmp_path, keep=2)
    _forge(folder, "state.json", text.encode())

    with pytest.raises(CheckpointError, match=r"state\.json: cannot be parsed"):
        Checkpoint.load(folder)


def test_load__words_a_bad_config_as_the_config_loader_does(tmp_path: Path) -> None:
    folder = _make_checkpoint().save(tmp_path, keep=2)
    text = (folder / "config.yaml").read_text().replace("width: 8", "width: 9000")
    _forge(folder, "config.yaml", text.encode())

    with pytest.raises(CheckpointError, match=r"config\.yaml: model\.width: got 9000"):
        Checkpoint.load(folder)


def test_load__refuses_files_that_no_checkpoint_has(tmp_path: Path) -> None:
    folder = _make_checkpoint().save(tmp_path, keep=2)
    _forge(folder, "state.pkl", b"")

    with pytest.raises(CheckpointError, match=r"state\.pkl: does not belong to a checkpoint"):
        Checkpoint.load(folder)


@pytest.mark.parametrize("place", [".", "checkpoints", "checkpoints/checkpoint-000003"])
def test_find_checkpoint__takes_a_run_its_checkpoints_or_one_of_them(tmp_path: Path, place: str) -> None:
    for iteration in (1, 2, 3):
        newest = _make_checkpoint(iteration).save(tmp_path / "checkpoints", keep=2)

    found = find_checkpoint(tmp_path / place)

    assert found.folder == newest
    assert found.damaged == ()


def test_find_checkpoint__passes_over_damaged_ones_and_reports_them(tmp_path: Path) -> None:
    older, newest = (_make_checkpoint(iteration).save(tmp_path / "checkpoints", keep=2) for iteration in (1, 2))
    _damage(newest / "worlds.npz", "flipped")

    found = find_checkpoint(tmp_path)

    assert found.folder == older
    assert [error.where for error in found.damaged] == [str(newest / "worlds.npz")]
    with pytest.raises(CheckpointError, match=f"worlds.npz: is changed.*; use {older}"):
        find_checkpoint(newest)


def test_find_checkpoint__raises_if_none_is_sound(tmp_path: Path) -> None:
    for iteration in (1, 2):
        _damage(_make_checkpoint(iteration).save(tmp_path, keep=2) / "state.json", "missing")

    with pytest.raises(CheckpointError, match=r"checkpoint-000002/state\.json: is missing; train again"):
        find_checkpoint(tmp_path)


def test_find_checkpoint__refuses_what_holds_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CheckpointError, match="holds no checkpoint; "):
        find_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="is not a folder; name a run folder or a checkpoint folder"):
        find_checkpoint(tmp_path / "file")
    with pytest.raises(CheckpointError, match="does not exist; name a run folder or a checkpoint folder"):
        find_checkpoint(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="does not exist"):
        find_checkpoint(Path("nul\0byte"))


def test_load_model__has_the_weights(tmp_path: Path) -> None:
    checkpoint = Checkpoint.load(_make_checkpoint().save(tmp_path, keep=2))

    state = load_model(checkpoint).state_dict()

    assert all(torch.equal(state[name], tensor) for name, tensor in checkpoint.weights.items())


def test_load_model__refuses_weights_of_another_model() -> None:
    weights = _make_checkpoint().weights
    name = "norm.weight"
    without = {key: tensor for key, tensor in weights.items() if key != name}

    for wrong, words in (
        (without, f"weight {name} is missing"),
        ({**weights, "extra": torch.zeros(1)}, "weight .extra. is unknown to the model"),
        ({**weights, name: torch.zeros(9)}, rf"weight {name} has shape \[9\], the model's is \[8\]"),
        ({**weights, name: torch.full((8,), torch.nan)}, f"weight {name} is not finite"),
    ):
        with pytest.raises(CheckpointError, match=f"iteration 20: {words}; .*use an"):
            load_model(_make_checkpoint(weights=wrong))


def test_state__takes_no_nan(tmp_path: Path) -> None:
    checkpoint = _make_checkpoint()
    checkpoint = replace(checkpoint, state={**checkpoint.state, "time/elapsed_s": float("nan")})

    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoint.save(tmp_path, keep=2)
    assert not list(tmp_path.iterdir())
