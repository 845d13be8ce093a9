"""No-fly zones once more, as plain Python objects with geometry of their own, written apart from the kernels."""

import math
from typing import Any

import numpy as np

__all__ = ["Circle", "Point", "Polygon", "stored", "to_segment", "zones_of"]

Point = tuple[float, float]


def stored(value: float) -> float:
    """As float32 keeps it."""
    return float(np.float32(value))


def minus(one: Point, other: Point) -> Point:
    return one[0] - other[0], one[1] - other[1]


def cross(one: Point, other: Point) -> float:
    return one[0] * other[1] - one[1] * other[0]


def to_segment(point: Point, start: Point, end: Point) -> float:
    """Distance from a point to a segment."""
    way, offset = minus(end, start), minus(point, start)
    squared = way[0] ** 2 + way[1] ** 2
    share = 0.0 if squared == 0.0 else min(1.0, max(0.0, (offset[0] * way[0] + offset[1] * way[1]) / squared))
    return math.dist(point, (start[0] + share * way[0], start[1] + share * way[1]))


class Circle:
    """A round zone; `corners` are those of the octagon about the circle that is wider by the standoff."""

    def __init__(self, center: Point, radius: float) -> None:
        self.center, self.radius = center, radius

    def distance(self, start: Point, end: Point) -> float:
        """From the straight way to the zone; below 0 where the way enters it."""
        return to_segment(self.center, start, end) - self.radius

    def gap(self, point: Point) -> float:
        return math.dist(point, self.center) - self.radius

    def corners(self, standoff: float) -> list[Point]:
        reach, (x, y) = (self.radius + standoff) / math.cos(math.pi / 8), self.center
        return [(x + reach * math.cos(k * math.pi / 4), y + reach * math.sin(k * math.pi / 4)) for k in range(8)]


class Polygon:
    """A zone with straight edges, its corners counter-clockwise."""

    def __init__(self, vertices: list[Point]) -> None:
        self.vertices = vertices
        self.edges = list(zip(vertices, vertices[1:] + vertices[:1], strict=True))
        self.center = sum(x for x, _ in vertices) / len(vertices), sum(y for _, y in vertices) / len(vertices)
        self.radius = max(math.dist(self.center, corner) for corner in vertices)

    def holds(self, point: Point) -> bool:
        """The angles under which the edges are seen from inside sum to a full turn, from outside to none."""
        turned = 0.0
        for start, end in self.edges:
            one, other = minus(start, point), minus(end, point)
            turned += math.atan2(cross(one, other), one[0] * other[0] + one[1] * other[1])
        return abs(turned) > math.pi

    def distance(self, start: Point, end: Point) -> float:
        """From the straight way to the zone; -inf where the way enters it."""
        if self.holds(start) or any(self._is_crossed(start, end, *edge) for edge in self.edges):
            return -math.inf
        return min(
            min(to_segment(start, *edge), to_segment(end, *edge), to_segment(edge[0], start, end))
            for edge in self.edges
        )

    @staticmethod
    def _is_crossed(start: Point, end: Point, one: Point, other: Point) -> bool:
        """Each segment has its ends on both sides of the other's line."""
        way, edge = minus(end, start), minus(other, one)
        is_between = cross(way, minus(one, start)) * cross(way, minus(other, start)) < 0.0
        return is_between and cross(edge, minus(start, one)) * cross(edge, minus(end, one)) < 0.0

    def gap(self, point: Point) -> float:
        nearest = min(to_segment(point, *edge) for edge in self.edges)
        return -nearest if self.holds(point) else nearest

    def corners(self, standoff: float) -> list[Point]:
        """Convex corners, moved to where both edges' parallels at the standoff meet, eight standoffs at most."""
        found = []
        for (before, corner), (_, after) in zip(self.edges[-1:] + self.edges[:-1], self.edges, strict=True):
            arriving, leaving = minus(corner, before), minus(after, corner)
            turn = math.atan2(cross(arriving, leaving), arriving[0] * leaving[0] + arriving[1] * leaving[1])
            if math.sin(turn) > 1e-6:
                outwards = math.atan2(arriving[1], arriving[0]) + turn / 2 - math.pi / 2
                pushed = standoff * min(8.0, 1.0 / math.cos(turn / 2))
                found.append((corner[0] + pushed * math.cos(outwards), corner[1] + pushed * math.sin(outwards)))
        return found


def zones_of(state: Any, row: int) -> list[Circle | Polygon]:
    """The zones of a world of any state."""
    found: list[Circle | Polygon] = []
    for o in np.flatnonzero(state.obstacle_exists[row]):
        num_vertices = state.obstacle_num_vertices[row, o]
        vertices = [(x, y) for x, y in state.obstacle_vertices_m[row, o, :num_vertices].tolist()]
        circle = Circle(tuple(state.obstacle_center_m[row, o].tolist()), float(state.obstacle_radius_m[row, o]))
        found.append(Polygon(vertices) if vertices else circle)
    return found
