"""An error in a user's module: which module it is, and its own traceback, also if another process has raised it.

Ray brings an error from a worker without its frames. So the worker says whose fault it is, by `telling_users_faults`.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rl_cluster.errors import RlClusterError
from rl_cluster.extension.import_path import ExtensionFault, is_users

__all__ = ["UsersFault", "telling_users_faults", "users_fault"]


class UsersFault(Exception):  # noqa: N818  it is a fault of the user's module, which it describes
    """An error that a user's module has raised, or that came through it; it crosses process borders."""

    module: str
    """the outermost module of the user's in the traceback"""
    words: str
    """type and first line of the error"""
    trace: str
    """the traceback from that module on"""

    def __init__(self, module: str, words: str, trace: str) -> None:
        super().__init__(module, words, trace)
        self.module, self.words, self.trace = module, words, trace

    def __str__(self) -> str:
        return f"{self.module}: {self.words}\n{self.trace}"


def users_fault(error: Exception) -> UsersFault | None:
    """What an error says of a user's module; None = it is not of theirs."""
    if isinstance(error, UsersFault):
        return error
    if isinstance(error, ExtensionFault) and isinstance(error.__cause__, Exception):
        return _fault(error.__cause__, str(error).partition(":")[0])
    module = next((name for name in map(_module, _traces(error.__traceback__)) if is_users(name)), None)
    return _fault(error, module) if module else None


@contextmanager
def telling_users_faults() -> Iterator[None]:
    """Raises UsersFault in place of an error in a user's module. What a user can mend elsewhere stays as it is."""
    try:
        yield
    except RlClusterError:
        raise
    except Exception as error:
        if (fault := users_fault(error)) and fault is not error:
            raise fault from error
        raise


def _fault(error: Exception, module: str) -> UsersFault:
    own = next((trace for trace in _traces(error.__traceback__) if _module(trace) == module), None)
    text = "".join(traceback.format_exception(type(error), error, own))  # what leads to it is not the user's
    first_line = (str(error).strip().partition("\n")[0] or "no words")[:200]
    return UsersFault(module, f"{type(error).__name__}: {first_line}", text)


def _traces(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace:
        yield trace
        trace = trace.tb_next


def _module(trace: TracebackType) -> str:
    name: str = trace.tb_frame.f_globals.get("__name__", "")
    return name
