"""Rankings against a stable sort, and ways to edges against the looped zones."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.nearest import MAX_RANKED, Ranking, rank
from rl_cluster.environment.shared.obstacles import edge_way
from tests.reference.zones import zones_of


def ranked(keys: NDArray[np.float64], limit: int) -> list[int]:
    ranking = Ranking.empty(len(keys))
    ranking.keys[: len(keys)] = keys
    ranking.found[: len(keys)] = 10 + 3 * np.arange(len(keys))
    return ranking.order[: rank(ranking, len(keys), limit)].tolist()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 16, 17, 63, MAX_RANKED, MAX_RANKED + 1, 300])
@pytest.mark.parametrize("num_distinct", [1, 5, 10_000])
def test_rank__is_a_stable_sort(count: int, num_distinct: int) -> None:
    keys = np.random.default_rng(count).integers(-num_distinct // 2, num_distinct, count).astype(np.float64)
    expected = (10 + 3 * np.argsort(keys, kind="stable")).tolist()
    for limit in (1, 16):
        order = ranked(keys, limit)
        assert order == expected[: len(order)]
        assert len(order) >= min(count, limit)


def test_edge_way__leads_to_the_edge(generated: Callable[..., NavigateWorlds]) -> None:
    worlds = generated(30, generator__num_obstacles=[1, 3])
    rng = np.random.default_rng(0)
    num_inside = 0
    for row in range(30):
        for o, zone in enumerate(zones_of(worlds.state, row)):
            center, radius = worlds.state.obstacle_center_m[row, o], worlds.state.obstacle_radius_m[row, o]
            for x, y in (center + rng.uniform(-2.0, 2.0, (20, 2)) * radius).tolist():
                dx, dy, gap = edge_way(worlds.state, row, o, x, y)
                assert gap == pytest.approx(zone.gap((x, y)), abs=1e-5)
                assert np.hypot(dx, dy) == pytest.approx(abs(gap), abs=1e-5)
                assert zone.gap((x + dx, y + dy)) == pytest.approx(0.0, abs=1e-4)
                num_inside += gap < 0.0
    assert num_inside > 50, "hardly a point lay inside"
