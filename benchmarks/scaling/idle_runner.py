"""An env runner that computes nothing: it answers every request with the same columns and the same metrics.

It receives the trainer's own message, fetches the weights, puts its columns into the object store of its node, and
answers with what a real env runner once answered. Real ones import torch and RLlib, half a gigabyte each. This actor
imports neither, so that a small machine holds many. `control_plane.py` makes the actors.
"""

import pickle
import sys
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import ray

from rl_cluster.types import Fragment

__all__ = ["IdleRunner", "Recorded"]

SENDER = "rl_cluster.rllib.runner_group"
"""The module whose function the trainer sends by name. It imports torch; a stand-in takes its place in this actor."""
WEIGHTS, WEIGHTS_VERSION = "rl_module", "weights_seq_no"
"""Keys of the message; RLlib's own names for them, which only RLlib's import would bring."""


class Recorded(NamedTuple):
    """The answer of a real env runner."""

    answer: bytes
    """pickled, without the columns; the trainer alone has the classes"""
    columns: Fragment


class _Answer:
    """Becomes the recorded answer where the trainer reads it, with this actor's number and columns."""

    def __init__(self, *parts: Any) -> None:
        self._parts = parts

    def __reduce__(self) -> Any:
        return _read, self._parts


def _read(answer: bytes, number: int, weights_version: int, columns: Any) -> Any:
    read = pickle.loads(answer)  # noqa: S301 - the trainer itself has pickled it
    tickets = [replace(one, runner=number, weights_version=weights_version, columns=columns) for one in read.tickets]
    return read._replace(tickets=tickets, report=read.report._replace(runner=str(number)))


class _Sender(ModuleType):
    """Stands in for the trainer's module: whatever function it sends, the actor answers in its own way."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return IdleRunner.answer


class IdleRunner:
    """The actor.

    Args:
        number: Of the env runner, from 0.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        sys.modules[SENDER] = _Sender(SENDER)

    def take(self, recorded: Recorded) -> None:
        """Answers with this from now on."""
        self._recorded = recorded

    def apply(self, func: Any, *arguments: Any, **named: Any) -> Any:
        """Calls `func` on this actor, as RLlib's manager of actors asks of them."""
        return func(self, *arguments, **named)

    def answer(self, state: dict[str, Any], **_: Any) -> _Answer:
        """The recorded answer to a request with this state."""
        ray.get(state[WEIGHTS])
        return _Answer(self._recorded.answer, self._number, state[WEIGHTS_VERSION], ray.put(self._recorded.columns))
