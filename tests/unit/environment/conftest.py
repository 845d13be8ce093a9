"""The looped autopilot: ways round no-fly zones once more, as plain Python objects, written apart from the kernels.

And a map as a file that is loaded.
"""

import heapq
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.scenario.map_import import load_geojson
from rl_cluster.environment.scenario.scenario_file import Scenario

Point = tuple[float, float]


def stored(value: float) -> float:
    """As float32 keeps it."""
    return float(np.float32(value))


def wrapped(angle: float) -> float:
    return math.atan2(math.sin(angle), math.cos(angle))


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


class LoopedAutopilot:
    """Plans ways round the zones of one episode from its start, then flies UAVs by them.

    Args:
        goals: Where UAVs may be sent.
        starts: Where UAVs stand at the start.
    """

    def __init__(
        self, zones: list[Circle | Polygon], goals: list[Point], starts: list[Point], clearance: float, capture: float
    ) -> None:
        self.zones, self.capture, self.standoff = zones, capture, max(clearance, 1.0)
        self.waypoints: list[Point] = []
        self.to_goal: dict[Point, list[float]] = {}
        for pushed, margin in (
            (self.standoff, self.standoff / 2),
            (self.standoff / 4, self.standoff / 8),
            (self.standoff / 4, 0.1 + 0.02 * self.standoff),
        ):
            self._plan(goals, pushed, margin)
            has_ways = math.inf not in itertools.chain(*self.to_goal.values())
            if has_ways and all(any(self.sees(start, w, margin) for w in self.waypoints) for start in starts):
                break

    def _plan(self, goals: list[Point], pushed: float, margin: float) -> None:
        corners = [(stored(x), stored(y)) for zone in self.zones for x, y in zone.corners(pushed)]
        self.waypoints = [p for p in corners if all(zone.distance(p, p) >= margin for zone in self.zones)]
        pairs = itertools.combinations(range(len(self.waypoints)), 2)
        seen: list[list[int]] = [[] for _ in self.waypoints]
        for v, w in pairs:
            if self.sees(self.waypoints[v], self.waypoints[w], margin):
                seen[v].append(w)
                seen[w].append(v)
        self.to_goal = {goal: self._lengths(goal, seen, margin) for goal in goals}

    def _lengths(self, goal: Point, seen: list[list[int]], margin: float) -> list[float]:
        """The shortest way from each waypoint to the goal."""
        lengths = [math.inf] * len(self.waypoints)
        queue = [(math.dist(p, goal), w) for w, p in enumerate(self.waypoints) if self.sees(p, goal, margin)]
        heapq.heapify(queue)
        while queue:
            length, v = heapq.heappop(queue)
            if length < lengths[v]:
                lengths[v] = length
                for w in seen[v]:
                    heapq.heappush(queue, (length + math.dist(self.waypoints[v], self.waypoints[w]), w))
        return [stored(length) for length in lengths]

    def _near(self, start: Point, end: Point, margin: float) -> list[Circle | Polygon]:
        """The zones whose circle about their center comes near the way: the others need no closer look."""
        return [zone for zone in self.zones if to_segment(zone.center, start, end) <= zone.radius + margin]

    def sees(self, start: Point, end: Point, margin: float) -> bool:
        """The straight way keeps the margin to all zones, or the gap (less a thousandth) of an end that is nearer."""
        for zone in self._near(start, end, margin):
            distance = zone.distance(start, end)
            if distance < margin:
                own = 0.999 * min(zone.gap(start), zone.gap(end))
                if own <= 0.0 or distance < min(margin, own):
                    return False
        return True

    def aim(self, position: Point, goal: Point) -> Point | None:
        """The goal in sight, or the waypoint with the shortest way of those in sight, or none."""
        for margin in (self.standoff / 4, 0.1):
            if self.sees(position, goal, margin):
                return goal
            ways = [
                (math.dist(position, waypoint) + length, waypoint)
                for waypoint, length in zip(self.waypoints, self.to_goal[goal], strict=True)
                if length < math.inf and math.dist(position, waypoint) > 0.01 * self.standoff
            ]
            for _, waypoint in sorted(ways, key=lambda way: way[0]):
                if self.sees(position, waypoint, margin):
                    return waypoint
        return None

    def fly(self, uav: Any, goal: Point, seconds: float) -> float:
        """Moves a UAV towards the goal: turn at most at the turn rate, then straight on as far as is free.

        Returns:
            Metres flown.
        """
        aim = self.aim(uav.position, goal)
        if aim is None:
            return 0.0
        (x, y), distance = uav.position, math.dist(uav.position, aim)
        error, most = wrapped(math.atan2(aim[1] - y, aim[0] - x) - uav.heading), uav.turn_rate * seconds
        heading = wrapped(uav.heading + max(-most, min(most, error)))
        speed = self._goal_speed(uav, distance) if aim == goal else self._waypoint_speed(uav, distance, error)
        way = min(speed * seconds, distance, uav.range_left)
        for share in (1.0, 0.5, 0.25, 0.125, 0.0625) if abs(error) <= most else (1.0,):
            end = stored(x + share * way * math.cos(heading)), stored(y + share * way * math.sin(heading))
            if self._is_free(uav.position, end):
                way, uav.position = share * way, end
                break
        else:
            way = 0.0
        uav.heading = stored(heading)
        uav.range_left, uav.flown = stored(uav.range_left - way), stored(uav.flown + way)
        return way

    def _goal_speed(self, uav: Any, distance: float) -> float:
        """Cruise; or as slow as the capture radius asks where a wide turn would miss."""
        radius = uav.cruise / uav.turn_rate
        if radius > self.capture and distance < 2.0 * radius:
            return max(uav.lowest, min(uav.cruise, uav.turn_rate * self.capture))
        return uav.cruise

    @staticmethod
    def _waypoint_speed(uav: Any, distance: float, error: float) -> float:
        """As fast as the turn circle leaves the waypoint outside: 2 R sin |error| <= distance; else hover."""
        across = 2.0 * math.sin(min(abs(error), math.pi / 2))
        speed = min(uav.cruise, uav.turn_rate * distance / max(across, 1e-9))
        return speed if speed >= uav.lowest else 0.0

    def _is_free(self, start: Point, end: Point) -> bool:
        """The way keeps 0.1 m to every zone, or half of the gap that it begins with."""
        for zone in self._near(start, end, 0.1):
            distance = zone.distance(start, end)
            if distance < 0.1 and distance < min(0.1, 0.5 * zone.gap(start)):
                return False
        return True


@pytest.fixture(scope="session")
def looped_zones() -> Any:
    """Makes the zones of a world of a state, as objects with `gap`, `distance` and `corners`."""
    return zones_of


@pytest.fixture(scope="session")
def looped_autopilot() -> type[LoopedAutopilot]:
    """Makes a looped autopilot from (zones, goals, starts, clearance, capture radius)."""
    return LoopedAutopilot


@pytest.fixture
def load(tmp_path: Path) -> Callable[[Any], Scenario]:
    """The scenario of a map, which is given as plain data or as text."""

    def load_map(data: Any) -> Scenario:
        file = tmp_path / "harbour.geojson"
        file.write_text(data if isinstance(data, str) else json.dumps(data))
        return load_geojson(file)

    return load_map
