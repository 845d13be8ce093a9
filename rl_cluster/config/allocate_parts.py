"""Rules that join the settings of task `allocate`: every part's episodes can be placed, flown and ended.

Each raises ValueError with what is wrong and, after a semicolon, what to do; for a part of a mixture it says which one.
"""

import math

from rl_cluster.config.allocate import clock_fault
from rl_cluster.config.allocate_generator import AllocateGeneratorConfig, EpisodePart
from rl_cluster.config.limits import steps_fault

__all__ = ["check_mixture", "check_part"]


def check_mixture(generator: AllocateGeneratorConfig, *, has_curriculum: bool) -> None:
    """Raises ValueError if parts contradict each other, the network's inputs, or a curriculum."""
    if generator.mixture and has_curriculum:
        raise ValueError(
            "generator.mixture and curriculum.stages both say from what an episode is drawn; set curriculum=null, or "
            "generator.mixture=[]"
        )
    seen: set[str] = set()
    for number, (part, settings) in enumerate(zip(generator.mixture, generator.by_part, strict=False)):
        place = f"generator.mixture.{number}"
        if part.name in seen:
            raise ValueError(f"{place}.name={part.name} is used twice; give each part its own name")
        seen.add(part.name)
        if settings.num_resources > generator.num_resources:
            raise ValueError(
                f"{place}.num_resources={settings.num_resources} is above generator.num_resources="
                f"{generator.num_resources}, which the network's inputs have room for; raise that one"
            )


def check_part(part: EpisodePart) -> None:
    """Raises ValueError if an episode of the part cannot be played.

    Substeps must divide the decision interval. No UAV may circle a target for ever, no episode may hold too many steps,
    and zones must have room.
    """
    if fault := clock_fault(part.world.decision_interval_s, part.world.substep_s):
        raise ValueError(f"{_where(part)}world.{fault}; choose a substep that divides it")
    _check_turns(part)
    _check_length(part)
    _check_zones(part)


def _where(part: EpisodePart) -> str:
    """The beginning of a message about a part."""
    return f"{part.place}: " if part.place else ""


def _check_turns(part: EpisodePart) -> None:
    generator, world = part.generator, part.world
    slowest_radius_m = generator.cruise_mps[1] * generator.speed_share[0] / world.max_turn_rate_radps
    if slowest_radius_m > world.capture_radius_m:
        raise ValueError(
            f"{_where(part)}world.capture_radius_m={world.capture_radius_m} is below the turn radius of "
            f"{slowest_radius_m:.0f} m at the lowest speed, so a UAV could circle a target for ever; "
            "raise it, or lower generator.speed_share"
        )


def _check_length(part: EpisodePart) -> None:
    generator, world = part.generator, part.world
    spacing_m = generator.spacing_m * generator.spacing_factor[1]
    side_m = spacing_m * math.sqrt((generator.num_uavs[1] + generator.num_targets[1]) / 2.0)
    longest_s = world.time_limit_sides * side_m / generator.cruise_mps[0]
    if fault := steps_fault(longest_s, world.substep_s):
        raise ValueError(f"{_where(part)}{fault}; lower world.time_limit_sides, or raise world.substep_s")


def _check_zones(part: EpisodePart) -> None:
    generator = part.generator
    widest_m, cell_m = generator.obstacle_radius_m[1] + part.world.obstacle_clearance_m, generator.smallest_cell_m
    if generator.num_obstacles[1] > 0 and widest_m > cell_m / 2:
        raise ValueError(
            f"{_where(part)}generator.obstacle_radius_m + world.obstacle_clearance_m = {widest_m:.0f} m does not fit "
            f"half of the smallest placement cell of {cell_m:.0f} m; make the obstacles smaller or fewer, or raise "
            "generator.spacing_m"
        )
