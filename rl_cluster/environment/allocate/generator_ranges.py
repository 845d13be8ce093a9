"""The settings that the generator's kernels of task `allocate` take, as numbers in one record."""

from typing import NamedTuple

from rl_cluster.config.allocate import AllocateGeneratorConfig, AllocateWorldConfig

__all__ = ["GeneratorRanges", "ranges_of"]

Range = tuple[float, float]


class GeneratorRanges(NamedTuple):
    """Settings of the generator; see `config/allocate.py` for meanings and units. A range is (low, high)."""

    spacing_m: float
    obstacle_radius_m: Range
    polygon_share: float
    clearance_m: float
    """The clearance that zones keep inside their cells"""
    uav_resource: Range
    specialist_share: float
    range_sides: Range
    cruise_mps: Range
    speed_share: Range
    max_turn_rate_radps: float
    demand_spread: float
    supply_demand_ratio: Range
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
    return GeneratorRanges(
        **given,
        has_common_depot=config.has_common_depot,
        has_own_depots=config.has_depot and config.depot_per_uav,
        clearance_m=world.obstacle_clearance_m,
        max_turn_rate_radps=world.max_turn_rate_radps,
        time_limit_sides=world.time_limit_sides,
    )
