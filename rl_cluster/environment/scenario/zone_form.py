"""The form of no-fly zones in a scenario file: circles and simple polygons, and which polygons are refused as none."""

import itertools
import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["CircleForm", "Finite", "Form", "Identifier", "Point", "PolygonForm", "Positive", "ZoneForm"]

Finite = Annotated[float, Field(strict=True, ge=-1e7, le=1e7)]
# As in the settings: products and quotients stay within float32.
Positive = Annotated[float, Field(strict=True, ge=1e-3, le=1e7)]
Point = tuple[Finite, Finite]
Identifier = Annotated[str, Field(min_length=1, max_length=64)]

_SMALLEST_AREA_M2 = 1e-2
_EDGE_M = 1e-6
"""A point this near to an edge lies on it."""


class Form(BaseModel):
    """Base: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class CircleForm(Form):
    """A round no-fly zone."""

    kind: Literal["circle"]
    id: Identifier | None = None
    """A name, which maps and traces keep."""
    center_m: Point
    radius_m: Positive

    def holds(self, point_m: Point) -> bool:
        """True = the point lies inside, and not on the edge."""
        return math.dist(self.center_m, point_m) < self.radius_m - _EDGE_M


class PolygonForm(Form):
    """A no-fly zone with straight edges: a simple polygon."""

    kind: Literal["polygon"]
    id: Identifier | None = None
    """A name, which maps and traces keep."""
    vertices_m: Annotated[tuple[Point, ...], Field(min_length=3, max_length=64)]
    """Corners in either direction, each once: the last is joined to the first."""

    @field_validator("vertices_m")
    @classmethod
    def _is_simple(cls, vertices_m: tuple[Point, ...]) -> tuple[Point, ...]:
        _check_corners(vertices_m)
        _check_width(vertices_m)
        _check_edges(vertices_m)
        if abs(_area_m2(vertices_m)) < _SMALLEST_AREA_M2:
            raise ValueError("the polygon encloses no area; move its corners apart")
        return vertices_m

    def holds(self, point_m: Point) -> bool:
        """True = the point lies inside, and not on the edge."""
        x, y = point_m
        is_inside = False
        for (x0, y0), (x1, y1) in _edges(self.vertices_m):
            if _to_segment_m(point_m, (x0, y0), (x1, y1)) <= _EDGE_M:
                return False
            if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
                is_inside = not is_inside
        return is_inside


ZoneForm = Annotated[CircleForm | PolygonForm, Field(discriminator="kind")]


def _edges(vertices_m: Sequence[Point]) -> list[tuple[Point, Point]]:
    """Edge v leads from corner v to the next."""
    return list(zip(vertices_m, [*vertices_m[1:], vertices_m[0]], strict=True))


def _area_m2(vertices_m: Sequence[Point]) -> float:
    """Gauss's area formula about the first corner; negative where the corners run clockwise."""
    x, y = vertices_m[0]
    return 0.5 * sum((x0 - x) * (y1 - y) - (x1 - x) * (y0 - y) for (x0, y0), (x1, y1) in _edges(vertices_m))


def _to_segment_m(point_m: Point, start_m: Point, end_m: Point) -> float:
    (x0, y0), (x1, y1) = start_m, end_m
    dx, dy = x1 - x0, y1 - y0
    along = ((point_m[0] - x0) * dx + (point_m[1] - y0) * dy) / (dx * dx + dy * dy)
    along = min(1.0, max(0.0, along))
    return math.dist(point_m, (x0 + along * dx, y0 + along * dy))


def _side(start_m: Point, end_m: Point, point_m: Point) -> int:
    """1 = left of the way from start to end, -1 = right of it, 0 = on its line."""
    (x0, y0), (x1, y1), (x, y) = start_m, end_m, point_m
    turn = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
    return (turn > 0.0) - (turn < 0.0)


def _check_corners(vertices_m: Sequence[Point]) -> None:
    for (first, one), (second, other) in itertools.combinations(enumerate(vertices_m), 2):
        if math.dist(one, other) <= _EDGE_M:
            raise ValueError(f"corners {first} and {second} are the same; name each corner once")


def _check_width(vertices_m: Sequence[Point]) -> None:
    (x0, y0), *others = vertices_m
    x1, y1 = max(others, key=lambda corner_m: math.dist(corner_m, (x0, y0)))
    length_m = math.hypot(x1 - x0, y1 - y0)
    if all(abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) <= _EDGE_M * length_m for x, y in others):
        raise ValueError("all corners lie on one line; move some aside")


def _check_edges(vertices_m: Sequence[Point]) -> None:
    """No edge meets another, but for the corner that neighbours share."""
    edges, last = _edges(vertices_m), len(vertices_m) - 1
    for (first, one), (second, other) in itertools.combinations(enumerate(edges), 2):
        if second == first + 1:
            is_met = _folds_back(*one, other[1])
        elif (first, second) == (0, last):
            is_met = _folds_back(*other, one[1])
        else:
            is_met = _meet(one, other)
        if is_met:
            raise ValueError(f"edges {first} and {second} meet; order the corners along the boundary")


def _folds_back(start_m: Point, corner_m: Point, end_m: Point) -> bool:
    """True = the edge from the corner lies on the edge to it."""
    if _side(start_m, corner_m, end_m) != 0:
        return False
    (x0, y0), (x, y), (x1, y1) = start_m, corner_m, end_m
    return (x - x0) * (x1 - x) + (y - y0) * (y1 - y) < 0.0


def _meet(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """True = the edges cross, or an end of one lies on the other."""
    if any(_to_segment_m(point, *one) <= _EDGE_M for point in other):
        return True
    if any(_to_segment_m(point, *other) <= _EDGE_M for point in one):
        return True
    is_one_split = _side(*one, other[0]) != _side(*one, other[1])
    return is_one_split and _side(*other, one[0]) != _side(*other, one[1])
