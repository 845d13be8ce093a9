"""What the generator's kernels of task `allocate` draw from: the settings as numbers in one record, and counters.

Each draw of an episode has a counter of its own, so that an option that is off changes no other draw.
"""

from typing import NamedTuple

from numba import njit

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.config.allocate_generator import AllocateGeneratorConfig
from rl_cluster.environment.shared.keyed_random import uniform

__all__ = [
    "CELL",
    "EPISODE",
    "PAD",
    "PLACE",
    "RATIO",
    "TARGET",
    "UAV",
    "UAV_STARTS",
    "ZONE",
    "GeneratorRanges",
    "between",
    "between_logs",
    "ranges_of",
]

Range = tuple[float, float]

RATIO, CELL, PLACE, UAV, ZONE, TARGET, EPISODE, PAD = 3, 1 << 16, 1 << 20, 1 << 24, 1 << 26, 1 << 28, 1 << 30, 1 << 31
"""First counters of the draws for supplies over demands, cells, places, UAVs, zones, targets, what the UAVs of an
episode have in common, and pads: far apart, so that no draw is used twice. The counters 0 to 2 are of the numbers of
entities. A UAV has 32 counters, a target 16."""
UAV_STARTS = ("scattered", "pad", "pads", "row", "mixed")
"""Values of `uav_start`; kernels take their numbers."""


class GeneratorRanges(NamedTuple):
    """Settings of the generator; see `config/allocate_episodes.py` for meanings and units. A range is (low, high)."""

    num_resources: int
    spacing_m: float
    spacing_factor: Range
    uav_start: int
    """A position in `UAV_STARTS`"""
    num_pads: tuple[int, int]
    row_gap_m: float
    equal_share: float
    obstacle_radius_m: Range
    polygon_share: float
    clearance_m: float
    """The clearance that zones keep inside their cells"""
    uav_resource: Range
    specialist_share: float
    single_skill_share: float
    range_sides: Range
    cruise_mps: Range
    speed_share: Range
    max_turn_rate_radps: float
    demand_spread: float
    supply_demand_ratio: Range
    is_supply_log: bool
    target_value: Range
    service_time_s: Range
    appearing_share: float
    failing_share: float
    has_common_depot: bool
    has_own_depots: bool
    """Every UAV has one, where it starts"""
    time_limit_sides: float


def ranges_of(config: AllocateGeneratorConfig, world: AllocateWorldConfig) -> GeneratorRanges:
    """The settings in the kernels' form."""
    given = {name: value for name, value in config if name in GeneratorRanges._fields}
    given["uav_start"] = UAV_STARTS.index(config.uav_start)
    return GeneratorRanges(
        **given,
        is_supply_log=config.supply_draw == "log",
        has_common_depot=config.has_common_depot,
        has_own_depots=config.has_own_depots,
        clearance_m=world.obstacle_clearance_m,
        max_turn_rate_radps=world.max_turn_rate_radps,
        time_limit_sides=world.time_limit_sides,
    )


@njit(cache=True)
def between(episode_key, counter, low_high):  # type: ignore[no-untyped-def]  # numba infers the types
    """The counter-th number of a key, uniform in a range."""
    return low_high[0] + (low_high[1] - low_high[0]) * uniform(episode_key, counter)


@njit(cache=True)
def between_logs(episode_key, counter, low_high):  # type: ignore[no-untyped-def]  # numba infers the types
    """The counter-th number of a key, in a range of numbers above 0, whose logarithm is uniform."""
    return low_high[0] * (low_high[1] / low_high[0]) ** uniform(episode_key, counter)
