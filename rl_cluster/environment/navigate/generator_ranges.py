"""The settings that the generator's kernels of task `navigate` take, as numbers in one record."""

from typing import NamedTuple

from rl_cluster.config.navigate import NavigateGeneratorConfig, NavigateWorldConfig

__all__ = ["GeneratorRanges", "ranges_of"]


class GeneratorRanges(NamedTuple):
    """Settings of the generator; see `config/navigate.py` for meanings and units. A range is (low, high)."""

    spacing_m: float
    obstacle_radius_m: tuple[float, float]
    polygon_share: float
    margin_m: float
    """Starts and goals keep half of this distance to the edges of their cells"""
    has_formation: bool
    is_unicycle: bool
    speed_mps: tuple[float, float]
    time_limit_sides: float


def ranges_of(config: NavigateGeneratorConfig, world: NavigateWorldConfig) -> GeneratorRanges:
    """The settings in the kernels' form."""
    return GeneratorRanges(
        spacing_m=config.spacing_m,
        obstacle_radius_m=config.obstacle_radius_m,
        polygon_share=config.polygon_share,
        margin_m=world.warning_distance_m,
        has_formation=world.formation_radius_m > 0.0,
        is_unicycle=world.dynamics == "unicycle",
        speed_mps=world.speed_mps,
        time_limit_sides=world.time_limit_sides,
    )
