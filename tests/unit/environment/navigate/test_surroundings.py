"""Ways to edges against the looped zones."""

from collections.abc import Callable

import numpy as np
import pytest

from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.obstacles import edge_way
from tests.reference.zones import zones_of


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
