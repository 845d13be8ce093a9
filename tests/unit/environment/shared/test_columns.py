"""Columns have a name, a scale and a meaning; widths follow from them; kernels write every one of them."""

from enum import auto
from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.columns import FEATURES as ALLOCATE_FEATURES
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.observation import write_observation
from rl_cluster.environment.allocate.rules import shared_rules
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.navigate.columns import FEATURES as NAVIGATE_FEATURES
from rl_cluster.environment.navigate.generator import NavigateGenerator
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.columns import FeatureColumn, FeatureRow, Place
from rl_cluster.environment.shared.nearest import slots_of
from rl_cluster.types import MAX_NEIGHBOURS, NeighbourSlots, Observation, neighbour_slots

ROWS = {
    f"{task}.{array}": row
    for task, rows in (("allocate", ALLOCATE_FEATURES), ("navigate", NAVIGATE_FEATURES))
    for array, row in rows._asdict().items()
}


class Seat(Place):
    FIRST = auto()
    SECOND = auto()


class Colour(FeatureColumn):
    RED = "/ 255", "red"
    BLUE = "0 or 1", "is blue"


def _write(row: NDArray[np.float64], first: int) -> None:
    row[first + Colour.BLUE] = 5.0
    row[Seat.SECOND] = 7.0


def test_names__are_places_in_kernels() -> None:
    row = np.zeros(4)

    njit(_write)(row, 2)

    assert row.tolist() == [0.0, 7.0, 0.0, 5.0]


def test_width__is_that_of_the_columns_and_of_a_block_for_each_kind() -> None:
    row = FeatureRow(columns=tuple(Colour), blocks=tuple(Colour))

    assert [row.width(num_resources) for num_resources in (0, 1, 3)] == [2, 4, 8]


def test_graph_spec__has_the_widths_of_the_rows() -> None:
    assert ALLOCATE_FEATURES.graph_spec(2, num_controls=0) == (22 + 8, 10 + 12, 2, 15 + 10, 0)
    assert NAVIGATE_FEATURES.graph_spec(0, num_controls=2) == (18, 0, 2, 12, 2)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_columns__count_from_0_and_say_what_they_are(row: FeatureRow) -> None:
    for group in (row.columns, row.blocks):
        assert list(group) == list(range(len(group)))
        assert all(column.scale and column.meaning for column in group)
        assert len({(column.scale, column.meaning) for column in group}) == len(group)


def _unwritten(observation: Observation[NDArray[Any]]) -> Observation[NDArray[Any]]:
    """An observation like this one whose features are not numbers yet."""
    return observation._replace(
        **{name: np.full_like(getattr(observation, name), np.nan) for name in ("uav", "target", "obstacle", "pair")}
    )


def test_allocate__writes_every_column(quick_demo: Config) -> None:
    generator, world = quick_demo.generator.model_copy(update={"num_obstacles": (2, 2)}), quick_demo.world
    worlds = AllocateWorlds(AllocateGenerator(generator, world, 0, is_training=False), world, quick_demo.reward, 8)
    seen = _unwritten(worlds.reset())
    write_observation(worlds.state, seen, worlds._intent, worlds._ranking, shared_rules(world))

    num_uavs, num_targets = worlds.sizes[:2]
    for name, exists in (
        ("uav", seen.mask[:, :num_uavs]),
        ("target", seen.mask[:, num_uavs : num_uavs + num_targets]),
        ("obstacle", seen.mask[:, num_uavs + num_targets :]),
        ("pair", seen.candidates >= 0),
    ):
        assert exists.any()
        assert np.isfinite(getattr(seen, name)[exists]).all(), name


def test_navigate__writes_every_column() -> None:
    config = load_config("navigate_demo")
    source = NavigateGenerator(config.generator, config.world, 0, is_training=False)
    worlds = NavigateWorlds(source, config.world, config.reward, 8)

    seen = worlds.observe(_unwritten(worlds.reset()))

    assert all(np.isfinite(getattr(seen, name)).all() for name in ("uav", "obstacle", "pair"))


@pytest.mark.parametrize(
    ("sizes", "slots"), [((3, 2, 1), (3, 5, 6)), ((64, 20, 0), (16, 32, 32)), ((4, 0, 30), (4, 4, 20))]
)
def test_neighbour_slots__are_as_many_as_there_can_be_neighbours(
    sizes: tuple[int, int, int], slots: tuple[int, int, int]
) -> None:
    assert MAX_NEIGHBOURS == 16
    assert neighbour_slots(*sizes) == slots
    assert njit(lambda n, m, o: slots_of(n, m, o).obstacles)(*sizes) == NeighbourSlots(*slots).obstacles
