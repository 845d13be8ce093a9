"""The files of a checkpoint and their formats: safetensors, npz without pickle, JSON. None of them can run code.

An array's header is Python text. It is compared with the only possible header, never evaluated as numpy would.
"""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from rl_cluster.config.json_file import parse_json
from rl_cluster.environment.shared.array_form import ArrayForm
from rl_cluster.errors import RlClusterError

__all__ = [
    "ARRAYS",
    "CONFIG",
    "FILES",
    "OPTIMIZER",
    "SNAPSHOTS",
    "STATE",
    "WEIGHTS",
    "Unreadable",
    "format_arrays",
    "format_state",
    "format_tensors",
    "parse_arrays",
    "parse_state",
    "parse_tensors",
]

WEIGHTS, OPTIMIZER, SNAPSHOTS, ARRAYS = "model.safetensors", "optimizer.safetensors", "stages.safetensors", "worlds.npz"
CONFIG, STATE = "config.yaml", "state.json"
FILES = (WEIGHTS, OPTIMIZER, SNAPSHOTS, ARRAYS, CONFIG, STATE)

ValueT = TypeVar("ValueT")


class Unreadable(ValueError):  # noqa: N818  a finding, as `Damage`
    """The bytes are not in their format, or not of the requested form; the message says why."""


def format_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """The tensors as the bytes of a safetensors file."""
    return bytes(save_tensors({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))


def parse_tensors(content: bytes) -> dict[str, Tensor]:
    """What `format_tensors` wrote. Raises Unreadable."""
    return _guarded(lambda: load_tensors(content))


def format_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The arrays as an npz file, uncompressed and without timestamps: equal arrays give equal bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(_member(name)), "w", force_zip64=True) as member:
                member.write(_npy_header(array.dtype, array.shape) + array.tobytes())
    return file.getvalue()


def parse_arrays(content: bytes, forms: Mapping[str, ArrayForm]) -> dict[str, NDArray[Any]]:
    """What `format_arrays` wrote for arrays of these forms; their values are not checked. Raises Unreadable."""
    return _guarded(lambda: _parse_arrays(content, forms))


def _parse_arrays(content: bytes, forms: Mapping[str, ArrayForm]) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        present = [info.filename for info in archive.infolist()]
        expected = {_member(name): name for name in forms}
        for member in sorted(expected.keys() ^ set(present)):
            name = expected.get(member, member.removesuffix(".npy"))
            raise Unreadable(f"array {name[:80]!a} is {'missing' if member in expected else 'unknown'}")
        if len(present) > len(expected):
            raise Unreadable("an array is there twice")
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise Unreadable("a member is compressed")  # ours never are: a small file cannot fill the memory
        return {name: _parse_npy(name, archive.read(_member(name)), form) for name, form in forms.items()}


def _parse_npy(name: str, content: bytes, form: ArrayForm) -> NDArray[Any]:
    header = _npy_header(form.dtype, form.shape)
    array = np.frombuffer(content, dtype=form.dtype, offset=len(header)) if content.startswith(header) else None
    if array is None or array.size != np.prod(form.shape, dtype=np.int64):
        raise Unreadable(f"array {name} is not {form.words}")
    return array.reshape(form.shape)


def _member(name: str) -> str:
    return f"{name}.npy"


def _npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def format_state(iteration: int, state: Mapping[str, Any]) -> bytes:
    """The state as JSON. Raises ValueError if a number is not finite."""
    return json.dumps({"iteration": iteration, "state": state}, allow_nan=False).encode()


def parse_state(content: bytes) -> tuple[int, dict[str, Any]]:
    """What `format_state` wrote. Raises Unreadable."""
    return _guarded(lambda: _parse_state(content))


def _parse_state(content: bytes) -> tuple[int, dict[str, Any]]:
    body = parse_json(content.decode(), STATE)
    iteration, state = body["iteration"], body["state"]
    if type(iteration) is not int or not isinstance(state, dict):
        raise Unreadable("iteration is not a number, or state not a mapping")
    return iteration, state


def _guarded(parse: Callable[[], ValueT]) -> ValueT:
    """The result of the parse. Parsers of foreign bytes raise all kinds of errors; all become Unreadable."""
    try:
        return parse()
    except Unreadable:
        raise
    except (
        SafetensorError,
        zipfile.BadZipFile,
        struct.error,
        ArithmeticError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise Unreadable(" ".join(str(error).split())[:300] or type(error).__name__) from error
    except (MemoryError, RlClusterError) as error:
        what = error.what if isinstance(error, RlClusterError) else "it needs more memory than there is"
        raise Unreadable(what) from error
