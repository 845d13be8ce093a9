"""The names that a file gives to UAVs, targets and zones, carried to what is recorded of its episodes.

Worlds hold numbers. A source of episodes that comes from files knows the names; drawn episodes have u1, u2, .. instead.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, runtime_checkable

from rl_cluster.environment.scenario.scenario_file import Scenario

__all__ = ["NamedSource", "Names", "named", "names_of", "picked_names"]

_LONGEST = 56
"""Characters that are kept of the name of a UAV that comes again."""


class Names(NamedTuple):
    """The names of an episode's entities, in the order of its arrays."""

    uavs: tuple[str, ...]
    targets: tuple[str, ...]
    obstacles: tuple[str | None, ...]


@runtime_checkable
class NamedSource(Protocol):
    """A source of episodes that knows the names of their entities."""

    def names(self, world: int, episode: int) -> Names:
        """The names of an episode's entities."""


def names_of(scenario: Scenario) -> Names:
    """The names in a scenario."""
    return Names(scenario.uav_ids, scenario.target_ids, scenario.obstacle_ids)


def picked_names(names: Names, picked: Sequence[int]) -> Names:
    """The names where only these UAVs take part; one that comes again has a number behind its name: `u1`, `u1#2`."""
    uavs: list[str] = []
    for number in picked:
        name, count = names.uavs[number], 1
        while name in uavs:
            count += 1
            name = f"{names.uavs[number][:_LONGEST]}#{count}"
        uavs.append(name)
    return names._replace(uavs=tuple(uavs))


def named(scenario: Scenario, source: object, world: int, episode: int) -> Scenario:
    """A recorded episode with the names that its source knows; as it is if the source knows none."""
    if not isinstance(source, NamedSource):
        return scenario
    names = source.names(world, episode)
    targets = names.targets if scenario.target_ids else ()
    return replace(scenario, uav_ids=names.uavs, target_ids=targets, obstacle_ids=names.obstacles)
