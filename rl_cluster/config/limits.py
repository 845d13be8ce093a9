"""What no single range can bound: products of settings that memory and single-precision clocks must hold.

Plain arithmetic on a run's settings, before anything is allocated. `schema.py` asks for it.
"""

from collections.abc import Sequence
from typing import Any

from rl_cluster.types import neighbour_slots

__all__ = [
    "MAX_BATCH_GIB",
    "MAX_STEPS",
    "MAX_WORLDS_GIB",
    "batch_gib",
    "check_memory",
    "check_steps",
    "highest_count",
    "steps_fault",
    "worlds_gib",
]

MAX_STEPS = 1_000_000
"""Flight steps of an episode: a clock in single precision stands still after some millions."""
MAX_WORLDS_GIB, MAX_BATCH_GIB = 64.0, 256.0
"""The most memory for the worlds of one process, and for the train batch of a run."""
GIB = 2**30
WAYPOINTS = 8
"""Corners of a way round a no-fly zone."""
ROW_COLUMNS = {"uav": (22, 4), "target": (10, 6), "obstacle": (2, 0), "pair": (15, 5)}
"""Columns of a feature row, and how many more for each kind of resource. They are those of task `allocate`, whose lists
this layer cannot see; no task has wider rows. `tests/unit/config/test_limits.py` holds them to the tasks' lists."""


def steps_fault(time_limit_s: float, step_s: float) -> str | None:
    """A fault if an episode's longest time holds too many flight steps; None = it does not.

    Args:
        time_limit_s: Of the longest episode.
        step_s: Of one flight step.
    """
    num_steps = time_limit_s / step_s
    if num_steps <= MAX_STEPS:
        return None
    return f"an episode of {time_limit_s:.3g} s has {num_steps:.3g} flight steps of {step_s:g} s, more than {MAX_STEPS}"


def check_steps(time_limit_s: float, step_s: float, remedy: str) -> None:
    """Raises ValueError, with the remedy, if `steps_fault` finds one."""
    if fault := steps_fault(time_limit_s, step_s):
        raise ValueError(f"{fault}; {remedy}")


def check_memory(config: Any) -> None:
    """Raises ValueError if the worlds of one process, or a train batch, would take more than any machine has."""
    num_worlds = config.sampling.worlds_per_runner * _runners_in_process(config)
    most = highest_count(config.generator, "num_uavs")
    who = f"{num_worlds} worlds of up to {most} UAVs"
    if (gib := worlds_gib(config)) > MAX_WORLDS_GIB:
        raise ValueError(
            f"{who} would take about {gib:.0f} GiB in one process, more than {MAX_WORLDS_GIB:.0f} GiB; lower "
            "sampling.worlds_per_runner, or the high ends of the generator's ranges"
        )
    if (gib := batch_gib(config)) > MAX_BATCH_GIB:
        raise ValueError(
            f"a train batch of {config.train_batch_rows} rows of up to {most} UAVs would take about {gib:.0f} GiB, "
            f"more than {MAX_BATCH_GIB:.0f} GiB; lower sampling.fragment_steps or sampling.worlds_per_runner"
        )


def highest_count(generator: Any, name: str) -> int:
    """The most UAVs (`num_uavs`), targets or zones of an episode; 0 in a task that has no such setting."""
    return max(getattr(part, name, (0, 0))[1] for part in _parts(generator))


def _parts(generator: Any) -> Sequence[Any]:
    """The settings of each part of a mixture; of a generator without mixtures, itself."""
    return getattr(generator, "by_part", (generator,))


def worlds_gib(config: Any) -> float:
    """GiB of the worlds of one process, with one observation of them."""
    num_worlds = config.sampling.worlds_per_runner * _runners_in_process(config)
    return float(num_worlds * (_state_bytes(config) + _row_bytes(config)) / GIB)


def batch_gib(config: Any) -> float:
    """GiB that the observations of one iteration's train batch take."""
    return float(config.train_batch_rows * _row_bytes(config) / GIB)


def _runners_in_process(config: Any) -> int:
    """The number of env runners in one process; without Ray, all of them."""
    return max(1, config.sampling.num_env_runners) if config.engine == "local" else 1


def _sizes(config: Any) -> tuple[int, int, int, int]:
    """The most UAVs, targets and zones of an episode, and kinds of resource."""
    generator = config.generator
    num_uavs, num_targets, num_obstacles = (
        highest_count(generator, name) for name in ("num_uavs", "num_targets", "num_obstacles")
    )
    return num_uavs, num_targets, num_obstacles, getattr(generator, "num_resources", 0)


def _state_bytes(config: Any) -> float:
    """Bytes of one world: arrays that grow with products of sizes, and about a hundred bytes an entity."""
    n, m, o, r = _sizes(config)
    has_own_depots = any(getattr(part, "has_own_depots", False) for part in _parts(config.generator))
    num_depots = n if has_own_depots else 1
    ways = 4 * (m + num_depots) * WAYPOINTS * o if m else 0
    return n * m * (4 * r + 1) + ways + (100 + 16 * r) * (n + m) + 32 * (m + 1) * (r + 1) + 150 * o


def _row_bytes(config: Any) -> float:
    """Bytes of one observation: features of entities and of pairs, and neighbours."""
    n, m, o, r = _sizes(config)
    world = config.world
    num_choices = min(world.num_candidates, m) if m else min(world.num_encounters, n + o)
    of_uav, of_target, of_obstacle, of_pair = (4 * (single + blocks * r) for single, blocks in ROW_COLUMNS.values())
    entities = n * of_uav + m * of_target + o * of_obstacle + 9 * (n + m + o)
    of_choice = of_pair + 3
    return float(entities + 2 * (n + m) * neighbour_slots(n, m, o).width + n * num_choices * of_choice + n)
