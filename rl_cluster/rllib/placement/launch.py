"""The launch of many actors: in waves, so that no node starts all of its processes at once, and with its progress."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray._private.state import actors as all_actors
from ray.exceptions import RayError
from ray.rllib.algorithms import algorithm as rllib_algorithm
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.util.placement_group import PlacementGroup

__all__ = ["WAVE", "launching", "still_starting"]

WAVE = 64
"""Env runners that start at a time. Each reads the same packages from a disk that nodes may share."""
SHOWN_NODES = 3
DONE = {"ALIVE", "DEAD"}


@contextmanager
def launching(group: PlacementGroup | None, note: Callable[[int], object], wave: int = WAVE) -> Iterator[None]:
    """Makes RLlib start env runners in waves, and in a placement group; RLlib has no setting for either.

    Args:
        group: Where they go; None = Ray decides.
        note: Called with the number of env runners that are up, after each wave.
        wave: Env runners that start at a time.
    """

    class LaunchedRunners(EnvRunnerGroup):
        _total = 0
        """Env runners of all waves."""

        def add_workers(self, num_workers: int, validate: bool = False) -> None:
            """Each wave is up before the next one starts."""
            for first in range(0, num_workers, wave):
                self._total = num_workers
                super().add_workers(min(wave, num_workers - first), validate)
                note(min(first + wave, num_workers))

        def _make_worker(self, **arguments: Any) -> Any:
            if group:
                self._remote_args["placement_group"] = group
                self._pg_offset = -1  # in a trial of Tune, RLlib counts the trial's own place as the first
            return super()._make_worker(**arguments | {"num_workers": self._total})

    rllib_algorithm.EnvRunnerGroup = LaunchedRunners
    try:
        yield
    finally:
        rllib_algorithm.EnvRunnerGroup = EnvRunnerGroup


def still_starting() -> str:
    """Which nodes this process's job waits for: `starting: 12 on 10.0.0.5, 3 without a node`; empty if for none."""
    try:
        job = ray.get_runtime_context().get_job_id()
        late = [one for one in all_actors().values() if one["JobID"] == job and one["State"] not in DONE]
    except (RayError, ConnectionError, RuntimeError):  # the cluster is gone: whoever waits will learn it
        return ""
    nodes = Counter(one["Address"]["IPAddress"] or None for one in late)
    words = [f"{count} on {node}" if node else f"{count} without a node" for node, count in nodes.most_common()]
    more = [f"others on {len(words) - SHOWN_NODES} more"] if len(words) > SHOWN_NODES else []
    return f"starting: {', '.join([*words[:SHOWN_NODES], *more])}" if words else ""
