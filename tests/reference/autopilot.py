"""The looped autopilot: ways round no-fly zones once more, in plain Python, written apart from the kernels."""

import heapq
import itertools
import math
from typing import Any

from tests.reference.zones import Circle, Point, Polygon, stored, to_segment

__all__ = ["LoopedAutopilot"]


def wrapped(angle: float) -> float:
    return math.atan2(math.sin(angle), math.cos(angle))


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
