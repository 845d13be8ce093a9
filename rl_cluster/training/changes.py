"""Which settings of a run may change when it goes on, why the others may not, and what its checkpoint becomes then.

`start.py` asks for it; `files/changes_file.py` notes in the run's folder what has changed, and when.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.learning.optimizer_form import PART_ROWS
from rl_cluster.training.checkpoints.checkpoint import Checkpoint

__all__ = ["Change", "changes_between", "check_changes", "exactness_note", "fitted", "schedule_note"]

MAY_CHANGE = (
    "engine",
    "training",
    "monitoring",
    "callbacks",
    "learners",
    "study",
    "ppo.lr",
    "controllers.min_lr",
    "sampling.num_env_runners",
    "sampling.worlds_per_runner",
    "sampling.mode",
    "sampling.max_lag",
    "sampling.timeout_s",
    "sampling.cpus_per_runner",
    "sampling.gpus_per_runner",
)
"""Settings and whole sections: how long, how fast, on what, and what is saved and told on the way."""
REASONS = {
    "seed": "it keys every draw of the run",
    "name": "it is the run's name in trackers and on its cluster",
    "task": "the network and the worlds are those of the task",
    "api_stack": "the stacks train by different rules",
    "generator": "the worlds in flight were drawn from it",
    "world": "the worlds in flight follow it",
    "reward": "what has been learnt of values is of the former reward",
    "model": "the saved weights have the form and the arithmetic that it gives",
    "curriculum": "the stage that the run is in is one of its own",
    "sampling": "it decides what a batch is",
    "ppo": "it decides what is learnt from a batch",
    "controllers": "their state follows from it",
}
"""Section or setting -> why it may not change."""
NEW_RUN = "omit it, or begin a new run with it from the weights of this one, by --weights"


class Change(NamedTuple):
    """A setting that has changed."""

    key: str
    """dotted"""
    before: Any
    after: Any
    """plain data; None = the section is not there"""

    @property
    def words(self) -> str:
        """`training.iterations 100 -> 200`"""
        return f"{self.key} {self.before} -> {self.after}"


def changes_between(before: Config, after: Config) -> list[Change]:
    """The settings that differ, in the order of a file of settings."""
    left, right = (dict(_flat(config.model_dump(mode="json"))) for config in (before, after))
    # a section that may be null is one key on one side, and several on the other
    keys = dict.fromkeys([*left, *right])
    return [Change(key, left.get(key), right.get(key)) for key in keys if left.get(key) != right.get(key)]


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested settings."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def check_changes(changes: Sequence[Change], before: Config, after: Config, where: str) -> None:
    """Raises ConfigError if a run that began with `before` may not go on with `after`.

    Args:
        changes: What differs between them.
        before: The settings of the run's checkpoint.
        after: Those with which it is to go on.
        where: What messages call them, if they are not the user's words.
    """
    for change in changes:
        if not _is_in(change.key, MAY_CHANGE):
            place = f"{where}: {change.key}={change.after}"
            reason = REASONS[next(part for part in (change.key, change.key.partition(".")[0]) if part in REASONS)]
            what = f"may not change from {change.before} while a run goes on: {reason}"
            raise ConfigError(place, what, NEW_RUN)
    num_worlds = _num_worlds(before)
    if _num_worlds(after) != num_worlds:
        sampling = after.sampling
        place = f"sampling.num_env_runners={sampling.num_env_runners}"
        what = f"with worlds_per_runner={sampling.worlds_per_runner} is not the run's {num_worlds} worlds in flight"
        raise ConfigError(f"{where}: {place}", what, _remedy(num_worlds, max(1, sampling.num_env_runners)))


def _is_in(key: str, places: Sequence[str]) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in places)


def _num_worlds(config: Config) -> int:
    return max(1, config.sampling.num_env_runners) * config.sampling.worlds_per_runner


def _remedy(num_worlds: int, num_runners: int) -> str:
    if num_worlds % num_runners:
        return f"choose a number of runners that divides {num_worlds}, and sampling.worlds_per_runner to match"
    return f"set sampling.worlds_per_runner={num_worlds // num_runners}, too"


def schedule_note(before: Config, after: Config) -> str | None:
    """What the user must know about schedules if the number of iterations changes; None = there is nothing to say."""
    if before.training.iterations == after.training.iterations:
        return None
    schedules = {"ppo.lr": after.ppo.lr, "ppo.entropy_weight": after.ppo.entropy_weight}
    moving = [f"{key}=[{first:g}, {last:g}]" for key, (first, last) in schedules.items() if first != last]
    if not moving:
        return None
    return (
        f"{' and '.join(moving)} changes over training.iterations: from here on as in a run of "
        f"{after.training.iterations} iterations, but what is trained already followed the former schedule"
    )


def exactness_note(config: Config) -> str | None:
    """Why a run that goes on is not the one that never stopped, to the bit; None = it is."""
    if config.engine == "local" or config.sampling.mode == "sync":
        return None
    return f"sampling.mode={config.sampling.mode}: it goes on with other samples than if it had not stopped"


def fitted(checkpoint: Checkpoint, config: Config) -> Checkpoint:
    """The checkpoint as a run of changed settings continues it: its worlds shared out among the runners anew.

    Args:
        checkpoint: Of a run whose settings may change to `config`.
        config: See `check_changes`.
    """
    if checkpoint.config == config:
        return checkpoint
    optimizer = dict(checkpoint.optimizer)
    before, after = checkpoint.config.learners, config.learners
    is_elsewhere = before.model_copy(update={"timeout_s": after.timeout_s}) != after
    if PART_ROWS in optimizer and is_elsewhere:
        optimizer[PART_ROWS] = torch.tensor(after.part_rows)  # 0: what fits there is found at the next update
    return replace(checkpoint, config=config, optimizer=optimizer, arrays=_shared_out(checkpoint.arrays, config))


def _shared_out(arrays: Mapping[str, NDArray[Any]], config: Config) -> dict[str, NDArray[Any]]:
    """Worlds are numbered through all runners, and their randomness is keyed by number: any runner can go on with one.

    Args:
        arrays: `runner0/time_s` -> (worlds of the runner, ..).
        config: Says how many runners there are.
    """
    num_runners = max(1, config.sampling.num_env_runners)
    names = [name.removeprefix("runner0/") for name in arrays if name.startswith("runner0/")]
    num_before = len(arrays) // len(names) if names else 0
    if num_before == num_runners or not names:
        return dict(arrays)
    shared: dict[str, NDArray[Any]] = {}
    for name in names:
        whole = np.concatenate([arrays[f"runner{runner}/{name}"] for runner in range(num_before)])
        parts = np.split(whole, num_runners)
        shared |= {f"runner{runner}/{name}": part for runner, part in enumerate(parts)}
    return shared
