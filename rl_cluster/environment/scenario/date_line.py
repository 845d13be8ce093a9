"""Lines and polygons of a map that cross the date line, cut there and joined again (RFC 7946, 3.1.9).

A longitude jumps from 180 to -180 at the date line, and a program that draws an edge across it draws it round the whole
earth: so lines and polygons are cut into parts that each stay on one side. Positions are longitude and latitude in
degrees, and an edge is straight in them; what is wider than half the earth is not looked for. A position may have more
numbers, such as a time: they change evenly along an edge, too.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

__all__ = ["cut_line", "cut_ring", "join_rings"]

Position = tuple[float, ...]
Edge = tuple[Position, Position]

_LINE_DEG = 180.0
_SLIVER_DEG = 1e-9
"""About 0.1 mm: a corner on the line itself is taken to lie so far west of it, and so far off a cut is one still."""


def cut_line(line: Sequence[Position]) -> list[list[Position]]:
    """The parts of a line in their order; one if it does not cross."""
    if not _is_crossing(line):
        return [list(line)]
    parts: list[list[Position]] = []
    for start, end in _cut_edges(_eastward(line)):
        if not parts or start[0] == _LINE_DEG:
            parts.append([start])
        parts[-1].append(end)
    return [_as_drawn(part) for part in parts]


def cut_ring(corners: Sequence[Position]) -> list[list[Position]]:
    """The parts of a simple polygon, each by its corners named once; the first begins with the first corner.

    Along the date line the polygon lies between every other two cuts of its boundary: there the parts west of the line
    close northwards, those east of it southwards.
    """
    if not _is_crossing([*corners, corners[0]]):
        return [list(corners)]
    ring = _counter_clockwise(_eastward(corners))
    edges = list(_cut_edges([*ring, ring[0]]))
    cuts = sorted(start for start, _ in edges if start[0] == _LINE_DEG)
    if len(set(cuts)) < len(cuts):  # a tip of no width
        return [list(corners)]
    sides = {is_east: {a: b for a, b in edges if _is_east(a, b) == is_east} for is_east in (False, True)}
    for low, high in zip(cuts[::2], cuts[1::2], strict=True):
        sides[False][low], sides[True][high] = high, low
    is_first_east = _is_east(ring[0], ring[0])
    rings = [_walk(sides[is_east]) for is_east in (is_first_east, not is_first_east) for _ in range(len(cuts) + 1)]
    return [_as_drawn(part) for part in rings if part]


def join_rings(rings: Sequence[Sequence[Position]]) -> list[tuple[float, float]] | None:
    """The polygon that was cut into these parts, by its corners named once; None = they are not parts of one.

    Edges along the date line, which two parts share, cancel; what remains is the boundary, with the cuts on it.
    """
    edges: set[Edge] = set()
    following: dict[Position, Position] = {}
    turned = [_counter_clockwise(_eastward(ring)) for ring in rings]
    for ring in turned:
        for start, end in pairwise([*ring, ring[0]]):
            if (end, start) in edges and start[0] == end[0] == _LINE_DEG:
                edges.remove((end, start))
            elif (start, end) in edges:
                return None
            else:
                edges.add((start, end))
    for ring in turned:
        following |= {start: end for start, end in pairwise([*ring, ring[0]]) if (start, end) in edges}
    joined = _walk(following)
    if not joined or len(joined) < len(edges) or len(rings) < 2:
        return None
    around = zip([joined[-1], *joined[:-1]], joined, [*joined[1:], joined[0]], strict=True)
    return _in_range([corner for before, corner, after in around if not _is_cut(before, corner, after)])


def _is_crossing(line: Sequence[Position]) -> bool:
    return any(abs(start[0] - end[0]) > _LINE_DEG for start, end in pairwise(line))


def _eastward(positions: Sequence[Position]) -> list[Position]:
    """The positions with longitudes from 0 to 360, so that nothing jumps at the date line."""
    return [(longitude % 360.0, *rest) for longitude, *rest in positions]


def _as_drawn(part: Sequence[Position]) -> list[Position]:
    """Corners on one side of the line: a part east of it writes 180 as -180."""
    is_east = any(longitude > _LINE_DEG for longitude, *_ in part)
    return [(longitude - 360.0 if is_east else longitude, *rest) for longitude, *rest in part]


def _in_range(corners: Sequence[Position]) -> list[tuple[float, float]]:
    return [(longitude - 360.0 if longitude > _LINE_DEG else longitude, latitude) for longitude, latitude in corners]


def _is_east(start: Position, end: Position) -> bool:
    return start[0] > _LINE_DEG or end[0] > _LINE_DEG


def _cut_edges(positions: Sequence[Position]) -> Iterator[Edge]:
    """The edges between the positions; one that crosses as two, that meet on the line."""
    aside = [(x - _SLIVER_DEG if x == _LINE_DEG else x, *rest) for x, *rest in positions]
    for start, end in pairwise(aside):
        if (start[0] > _LINE_DEG) == (end[0] > _LINE_DEG):
            yield start, end
            continue
        share = (_LINE_DEG - start[0]) / (end[0] - start[0])
        cut = (_LINE_DEG, *(low + share * (high - low) for low, high in zip(start[1:], end[1:], strict=True)))
        yield start, cut
        yield cut, end


def _counter_clockwise(ring: list[Position]) -> list[Position]:
    """The ring counter-clockwise, reversed if need be; the first corner stays the first."""
    x, y = ring[0]
    area = sum((x0 - x) * (y1 - y) - (x1 - x) * (y0 - y) for (x0, y0), (x1, y1) in pairwise([*ring, ring[0]]))
    return [ring[0], *ring[:0:-1]] if area < 0.0 else ring


def _walk(following: dict[Position, Position]) -> list[Position]:
    """The ring that the first edge is part of, whose edges are taken out; empty if there is none."""
    ring: list[Position] = []
    corner = next(iter(following), None)
    while corner in following:
        ring.append(corner)
        corner = following.pop(corner)
    return ring


def _is_cut(before: Position, corner: Position, after: Position) -> bool:
    """True = a corner on the date line that lies on the way between its neighbours."""
    if corner[0] != _LINE_DEG or before[0] == after[0]:
        return False
    share = (_LINE_DEG - before[0]) / (after[0] - before[0])
    return abs(before[1] + share * (after[1] - before[1]) - corner[1]) < _SLIVER_DEG
