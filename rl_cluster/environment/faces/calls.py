"""Checks what callers of the standard faces pass in, before anything moves: seeds, actions and arguments.

`face.py` calls these checks, so that callers get one line that says what to pass, not a library's error or a guess.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.errors import CallError

__all__ = [
    "RENDER_MODES", "as_actions", "as_seed", "as_world", "check_num_envs", "check_overrides", "check_render_mode",
    "shown",
]  # fmt: skip

_HIGHEST_SEED = 2**63 - 1
_MOST_WORLDS = 65_536
_MOST_EPISODES = 1_000_000
RENDER_MODES = ("human", "rgb_array")
_MAX_SHOWN = 60


def as_seed(seed: object) -> int | None:
    """The seed as a plain integer; None stays None.

    Raises:
        CallError: It is not a whole number from 0 to 2^63 - 1.
    """
    if seed is None:
        return None
    number = _whole(seed)
    if number is None or not 0 <= number <= _HIGHEST_SEED:
        raise CallError("reset", f"seed={shown(seed)} is no seed", "give a whole number from 0 to 2^63 - 1, or None")
    return number


def as_actions(actions: object, shape: tuple[int, ...], num_controls: int, where: str = "step") -> NDArray[Any]:
    """Actions as an array: whole numbers as int64, or finite controls as float64. Their range is not checked.

    Args:
        actions: Whatever numpy can read.
        shape: The shape that they must have, the controls' axis included.
        num_controls: 0 for choices.
        where: The name of the call, for messages.

    Raises:
        CallError: They have another shape, are not numbers, are fractions where choices are expected, or hold NaN or an
            infinite control.
    """
    try:
        array = np.asarray(actions)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # ragged lists, tensors on a GPU or with a gradient
        raise _refused(where, f"got {shown(actions)}", num_controls) from None
    if array.dtype.kind not in ("iuf" if num_controls else "iu"):
        raise _refused(where, f"got {shown(actions)} of type {array.dtype}", num_controls)
    if array.shape != shape:
        remedy = "give one to every UAV of every world"
        raise CallError(where, f"the actions have shape {array.shape}, not {shape}", remedy)
    if num_controls == 0:
        if array.dtype == np.uint64:  # a value that int64 cannot hold must not wrap around to another choice
            array = np.minimum(array, np.uint64(np.iinfo(np.int64).max))
        return array.astype(np.int64)
    if not np.isfinite(array).all():
        raise _refused(where, "a control is NaN or infinite", num_controls)
    return array.astype(np.float64)


def check_render_mode(mode: object, known: Sequence[str] = RENDER_MODES) -> None:
    """Raises CallError unless the mode is None or one of those known."""
    if mode is not None and mode not in known:
        remedy = f"take {' or '.join(known)}, or omit it" if known else "omit it, or draw a single world"
        raise CallError("make", f"there is no render_mode={shown(mode)} here", remedy)


def as_world(options: object) -> int | None:
    """The number of the world that `reset(options={"world": number})` asks for; None without it.

    Other options have no effect, since wrappers and checkers pass their own.

    Raises:
        CallError: The number is none.
    """
    if not isinstance(options, dict) or "world" not in options:
        return None
    number = _whole(options["world"])
    if number is None or not 0 <= number < _MOST_EPISODES:
        what = f"world={shown(options['world'])} of the options is no number of a world"
        raise CallError("reset", what, f"give a whole number from 0 to {_MOST_EPISODES - 1}, or omit it")
    return number


def check_num_envs(num_envs: object) -> None:
    """Raises CallError unless this is a number of worlds."""
    number = _whole(num_envs)
    if number is None or not 1 <= number <= _MOST_WORLDS:
        what = f"num_envs={shown(num_envs)} is no number of worlds"
        raise CallError("make_vec", what, f"give a whole number from 1 to {_MOST_WORLDS}")


def check_overrides(overrides: object) -> None:
    """Raises CallError unless this is a sequence of strings, not a single string."""
    is_list = isinstance(overrides, Sequence) and not isinstance(overrides, str | bytes)
    if not is_list or not all(isinstance(override, str) for override in overrides):  # type: ignore[attr-defined]  # a caller may hand in anything
        raise CallError("make", f"overrides={shown(overrides)} is no list of texts", "write ['key=value', ..]")


def shown(value: object) -> str:
    """The value in one line of bounded length."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}.."


def _whole(value: object) -> int | None:
    """The value as an integer; None = it is not a whole number. A bool is not one."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # a caller may hand in anything
    except TypeError:
        return None


def _refused(where: str, what: str, num_controls: int) -> CallError:
    return CallError(where, what, "give finite numbers" if num_controls else "give whole numbers, 0 to wait")
