"""What UAVs report in flight, for a copy of their world that follows it."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

__all__ = ["Readings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """UAVs and targets stand in the scenario's order. None = not read: what was predicted holds."""

    time_s: float | None = None
    """since the start of the scenario"""
    position_m: ArrayLike | None = None
    """(N, 2)"""
    heading_rad: ArrayLike | None = None
    """(N,) counter-clockwise from east"""
    resources: ArrayLike | None = None
    """(N, R) carried now"""
    range_left_m: ArrayLike | None = None
    """(N,); 0 = grounded, or lost"""
    remaining: ArrayLike | None = None
    """(M, R) demand that is left"""
