"""Draws episodes: team sizes, places, resources, speeds and a supply/demand ratio, at constant density.

The square area's side is spacing * sqrt((N + M) / 2). Range and time limit scale with the side, so that the local
problem is the same at every size. Episodes of a mixture draw their part first, and then everything from its settings.
`generator_places.py` places entities, `generator_loads.py` equips them.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.config.allocate_generator import AllocateGeneratorConfig, EpisodePart, parts_of
from rl_cluster.config.curriculum import AllocateStage
from rl_cluster.config.limits import highest_count
from rl_cluster.environment.allocate.generator_loads import demand, draw_failures, draw_service, equip
from rl_cluster.environment.allocate.generator_places import draw_start, place
from rl_cluster.environment.allocate.generator_ranges import EPISODE, GeneratorRanges, between_logs, ranges_of
from rl_cluster.environment.allocate.preferences import draw_preferences, preference_ranges
from rl_cluster.environment.allocate.rules import write_rules
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.keyed_random import EVALUATION, TRAINING, key, uniform_int
from rl_cluster.environment.shared.mixture import parts_of_episodes
from rl_cluster.environment.shared.stages import StageRanges
from rl_cluster.environment.shared.zones import MAX_DRAWN_CORNERS
from rl_cluster.types import StageMix

__all__ = ["AllocateGenerator"]


class AllocateGenerator:
    """An `EpisodeSource`: episode (seed, world, episode) is always the same, and training never meets evaluation's.

    Args:
        is_training: Which of the two disjoint streams the episodes come from.
        stages: Stages of a curriculum. Without them, or until a mixture of stages is set, the config's ranges or the
            first stage hold. A generator with `mixture` has none.
    """

    def __init__(
        self,
        config: AllocateGeneratorConfig,
        world: AllocateWorldConfig,
        seed: int,
        is_training: bool,
        stages: Sequence[AllocateStage] = (),
    ) -> None:
        self._config, self._parts = config, parts_of(config, world)
        self._preferences = preference_ranges(config) if is_training else None
        self._seed, self._stream = seed, TRAINING if is_training else EVALUATION
        self._drawn = [_drawn_of(part, stages, seed) for part in self._parts]

    @cached_property
    def sizes(self) -> Sizes:
        """The high ends of the config's ranges, over all parts."""
        num_uavs, num_targets, num_obstacles = (
            highest_count(self._config, name) for name in ("num_uavs", "num_targets", "num_obstacles")
        )
        has_polygons = any(part.generator.polygon_share > 0.0 for part in self._parts)
        num_vertices = MAX_DRAWN_CORNERS if has_polygons else 0
        num_depots = max(part.generator.num_uavs[1] if part.generator.has_own_depots else 1 for part in self._parts)
        return Sizes(num_uavs, num_targets, num_obstacles, self._config.num_resources, num_vertices, num_depots)

    @property
    def seed(self) -> int:
        """The seed that keys the episodes."""
        return self._seed

    @property
    def has_hidden_events(self) -> bool:
        """True = targets may appear, or UAVs fail."""
        return any(part.generator.appearing_share > 0.0 or part.generator.failing_share > 0.0 for part in self._parts)

    def hidden_shares(self, worlds: NDArray[np.int64], episodes: NDArray[np.int64]) -> NDArray[np.float64]:
        """(E, 2) shares of targets that appear and of UAVs that fail, by the parts that these episodes are from."""
        of_parts = [(part.generator.appearing_share, part.generator.failing_share) for part in self._parts]
        return np.array(of_parts)[self._numbers(worlds, episodes)]

    def set_mix(self, mix: StageMix) -> None:
        """Draws the next episodes from another mixture of stages. Raises ValueError if there is no such stage."""
        for drawn in self._drawn:
            drawn.counts.set_mix(mix)

    def part_names(self, worlds: NDArray[np.int64], episodes: NDArray[np.int64]) -> list[str]:
        """The name of the mixture's part from which each of these episodes is drawn; empty without a mixture."""
        return [self._parts[number].name for number in self._numbers(worlds, episodes)]

    def _numbers(self, worlds: NDArray[np.int64], episodes: NDArray[np.int64]) -> NDArray[np.int64]:
        shares = [part.share for part in self._parts]
        return parts_of_episodes(shares, self._seed, self._stream, worlds, episodes)

    def fill(self, state: AllocateState, rows: NDArray[np.int64], first_world: int) -> None:
        """Writes episode `state.episode[row]` of world first_world + row into each of the rows, which hold zeros."""
        numbers = self._numbers(first_world + rows, state.episode[rows])
        for number in np.unique(numbers):
            own, part, drawn = rows[numbers == number], self._parts[number], self._drawn[number]
            if part.name:
                write_rules(state, own, part.world)
            counts_R32 = drawn.counts.of_worlds(first_world + own)
            _generate(state, own, counts_R32, drawn.ranges, self._seed, self._stream, first_world)
        if self._preferences is not None:
            draw_preferences(state, rows, first_world + rows, self._seed, self._preferences)


class _Drawn(NamedTuple):
    """What the episodes of a part are drawn from."""

    counts: StageRanges
    ranges: GeneratorRanges


def _drawn_of(part: EpisodePart, stages: Sequence[AllocateStage], seed: int) -> _Drawn:
    counts = [(one.num_uavs, one.num_targets, one.num_obstacles) for one in stages or (part.generator,)]
    return _Drawn(StageRanges(counts, seed), ranges_of(part.generator, part.world))


class _Counts(NamedTuple):
    """The numbers of entities in one episode."""

    num_uavs: int
    num_targets: int
    num_obstacles: int


@njit(cache=True)
def _draw_counts(episode_key, counts_32):  # type: ignore[no-untyped-def]  # numba infers the types
    return _Counts(
        uniform_int(episode_key, 0, counts_32[0, 0], counts_32[0, 1]),
        uniform_int(episode_key, 1, counts_32[1, 0], counts_32[1, 1]),
        uniform_int(episode_key, 2, counts_32[2, 0], counts_32[2, 1]),
    )


_SPACING = EPISODE + 4


@njit(cache=True)
def _generate(state, rows, counts_R32, ranges, seed, stream, first_world):  # type: ignore[no-untyped-def]  # numba infers the types
    for position, b in enumerate(rows):
        episode_key = key(seed, stream, first_world + b, state.episode[b])
        counts = _draw_counts(episode_key, counts_R32[position])
        start = draw_start(episode_key, counts.num_uavs, ranges)
        side_m = ranges.spacing_m * math.sqrt((counts.num_uavs + counts.num_targets) / 2.0)
        side_m *= between_logs(episode_key, _SPACING, ranges.spacing_factor)
        state.area_m[b] = side_m
        place(state, b, episode_key, counts, start, side_m, ranges)
        equip(state, b, episode_key, counts.num_uavs, start, side_m, ranges)
        demand(state, b, episode_key, counts.num_targets, ranges)
        state.uav_max_turn_rate_radps[b, : counts.num_uavs] = ranges.max_turn_rate_radps
        mean_cruise_mps = state.uav_cruise_mps[b, : counts.num_uavs].mean()
        state.time_limit_s[b] = ranges.time_limit_sides * side_m / mean_cruise_mps
        draw_service(state, b, episode_key, counts.num_targets, ranges)
        draw_failures(state, b, episode_key, counts.num_uavs, ranges.failing_share)
