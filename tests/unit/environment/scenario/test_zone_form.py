"""Which polygons a scenario may hold: simple ones, in either direction; the others are refused with a remedy."""

import math
import re

import numpy as np
import pytest
from pydantic import ValidationError

from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.scenario.zone_form import CircleForm, PolygonForm
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.obstacles import is_inside
from rl_cluster.environment.shared.zones import bounding_circle, counter_clockwise

Corners = list[tuple[float, float]]


def polygon(corners: Corners) -> PolygonForm:
    return PolygonForm.model_validate({"kind": "polygon", "vertices_m": corners})


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ([(0, 0), (9, 9), (9, 0), (0, 9)], "edges 0 and 2 meet; order the corners along the boundary"),
        ([(0, 0), (9, 0), (9, 9), (5, 0), (0, 9)], "edges 0 and 2 meet; order"),
        ([(0, 0), (9, 0), (4, 0)], "all corners lie on one line; move some aside"),
        ([(4, 0), (0, 0), (9, 0), (4, 9), (4, 5)], "edges 0 and 1 meet; order"),
        ([(0, 0), (9, 0), (9, 9), (9, 4)], "edges 1 and 2 meet; order"),
        ([(0, 0), (4, 4), (0, 9), (0, -5)], "edges 0 and 2 meet; order"),
        ([(0, 0), (9, 0), (9, 9), (0, 0)], "corners 0 and 3 are the same; name each corner once"),
        ([(0, 0), (0, 0), (9, 9)], "corners 0 and 1 are the same; name"),
        ([(0, 0), (9, 0), (5, 1e-4)], "the polygon encloses no area; move its corners apart"),
    ],
)
def test_polygon__is_refused_unless_it_is_simple(corners: Corners, message: str) -> None:
    for shift in (0, 1):
        turned = [corners[(v + shift) % len(corners)] for v in range(len(corners))]
        with pytest.raises(
            ValidationError, match=re.escape(message.partition(";")[2]) if shift else re.escape(message)
        ):
            polygon(turned)


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0), (9, 0), (0, 9)],
        [(0, 0), (0, 9), (9, 0)],
        [(0, 0), (5, 0), (9, 0), (9, 9)],
        [(0, 0), (10, 0), (10, 10), (5, 3), (0, 10)],
        [(np.cos(angle).item(), np.sin(angle).item()) for angle in np.arange(64) * np.pi / 32],
    ],
    ids=["left", "right", "straight corner", "notched", "64 corners"],
)
def test_polygon__is_taken_where_it_is_simple(corners: Corners) -> None:
    assert polygon(corners).vertices_m == tuple(corners)


@pytest.mark.parametrize("num_corners", [2, 65])
def test_polygon__has_3_to_64_corners(num_corners: int) -> None:
    with pytest.raises(ValidationError, match=r"should have at (least 3|most 64) items"):
        polygon([(float(v), float(v * v)) for v in range(num_corners)])


def test_polygon__holds_what_the_kernel_finds_inside() -> None:
    corners = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 3.0), (0.0, 10.0)]
    state = AllocateState.empty(1, Sizes(1, 1, 1, 1, 5))
    state.obstacle_exists[:] = True
    state.obstacle_center_m[0, 0], state.obstacle_radius_m[0, 0] = bounding_circle(corners)
    state.obstacle_num_vertices[:] = 5
    state.obstacle_vertices_m[0, 0] = counter_clockwise(corners)
    form = polygon(corners)

    for x, y in np.random.default_rng(0).uniform(-2.0, 12.0, (2000, 2)).tolist():
        assert form.holds((x, y)) == is_inside(state, 0, x, y)
    for on_edge in (*corners, (5.0, 0.0), (7.5, 6.5), (0.0, 3.0)):
        assert not form.holds(on_edge)


@pytest.mark.parametrize("angle_rad", np.linspace(0.0, 6.0, 13).tolist())
def test_zone__does_not_hold_its_edge(angle_rad: float) -> None:
    circle = CircleForm(kind="circle", center_m=(4321.0, 1234.5), radius_m=77.7)
    beside = [(4321.0 + r * math.cos(angle_rad), 1234.5 + r * math.sin(angle_rad)) for r in (77.69, 77.7, 77.71)]
    (x0, y0), (x1, y1) = beside[1], (4321.0, 1234.5)
    triangle = polygon([(x0, y0), (x1, y1), (9000.0, 9000.0)])

    assert [circle.holds(point) for point in beside] == [True, False, False]
    assert not any(triangle.holds((x0 + share * (x1 - x0), y0 + share * (y1 - y0))) for share in (0.0, 0.3, 0.77, 1.0))
