"""A picture of one world: its area, no-fly zones, targets or goals, depots, and UAVs with the paths that they flew.

`face.py` imports it only where something is to be drawn, since Matplotlib takes its time. Targets that have not
appeared yet are not drawn: no policy knows of them.
"""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.registry import BackendFilter, backend_registry
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon
from numpy.typing import NDArray

from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.errors import CallError
from rl_cluster.types import FloatArray

__all__ = ["Picture"]

COLOURS = {"zone": "#bbbbbb", "open": "#d55e00", "closed": "#009e73", "uav": "#0072b2", "grounded": "#777777"}
SIDE_INCHES, DOTS_PER_INCH = 6.0, 100
PAUSE_S = 0.001
"""A window shows what was drawn only when it has had time."""


class Picture:
    """Draws the first world of some worlds, again and again.

    Args:
        is_window: True = in a window; False = only as an array.

    Raises:
        CallError: There is no screen for a window.
    """

    def __init__(self, *, is_window: bool) -> None:
        if is_window:
            _check_screen()
            self._figure = plt.figure(figsize=(SIDE_INCHES, SIDE_INCHES))
        else:
            self._figure = Figure(figsize=(SIDE_INCHES, SIDE_INCHES), dpi=DOTS_PER_INCH)
        self._is_window = is_window
        self._trail_m: list[FloatArray] = []

    def begin(self, worlds: Worlds) -> None:
        """Forgets the paths: an episode begins."""
        self._trail_m = [worlds.state.uav_position_m[0].copy()]

    def note(self, worlds: Worlds) -> None:
        """Lengthens the paths by a step."""
        self._trail_m.append(worlds.state.uav_position_m[0].copy())

    def show(self, worlds: Worlds) -> None:
        """Draws the world in the window."""
        self._draw(worlds)
        self._figure.canvas.draw_idle()
        plt.pause(PAUSE_S)

    def pixels(self, worlds: Worlds) -> NDArray[np.uint8]:
        """(600, 600, 3) red, green, blue."""
        self._draw(worlds)
        canvas = FigureCanvasAgg(self._figure)
        canvas.draw()  # type: ignore[no-untyped-call]  # Matplotlib has not annotated it
        picture = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]  # nor this
        return picture[..., :3].copy()

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._is_window:
            plt.close(self._figure)

    def _draw(self, worlds: Worlds) -> None:
        state: Any = worlds.state
        self._figure.clear()
        axes = self._figure.add_subplot()
        axes.set_aspect("equal")
        axes.set_xlim(0.0, float(state.area_m[0, 0]))
        axes.set_ylim(0.0, float(state.area_m[0, 1]))
        axes.set_xlabel("m east")
        axes.set_ylabel("m north")
        _draw_zones(axes, state)
        words = f"{float(state.time_s[0]):.0f} s"
        if hasattr(state, "target_exists"):
            words += _draw_targets(axes, state)
        if hasattr(state, "uav_goal_m"):
            words += _draw_goals(axes, state)
        self._draw_uavs(axes, state)
        axes.set_title(words)

    def _draw_uavs(self, axes: Axes, state: Any) -> None:
        """Draws an arrow along the heading of each UAV, its path so far, and a dashed line to where it goes."""
        trail_m = np.stack(self._trail_m)
        is_flying = state.uav_range_left_m[0] > 0.0 if hasattr(state, "uav_range_left_m") else state.uav_exists[0]
        for uav in np.flatnonzero(state.uav_exists[0]):
            colour = COLOURS["uav"] if is_flying[uav] else COLOURS["grounded"]
            east_m, north_m = state.uav_position_m[0, uav]
            axes.plot(trail_m[:, uav, 0], trail_m[:, uav, 1], color=colour, linewidth=1.0, alpha=0.6)
            if (goal_m := _heads_for(state, uav)) is not None:
                axes.plot([east_m, goal_m[0]], [north_m, goal_m[1]], "--", color=colour, linewidth=0.6)
            degrees = np.degrees(state.uav_heading_rad[0, uav]) - 90.0
            axes.plot(east_m, north_m, marker=(3, 0, degrees), color=colour, markersize=9, linestyle="none")


def _check_screen() -> None:
    backend = mpl.get_backend().lower()
    blind = backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)  # type: ignore[no-untyped-call]  # as above
    if backend in {name.lower() for name in blind}:
        what = f"render_mode='human' needs a screen, and Matplotlib has none (backend {backend})"
        raise CallError("make", what, "take render_mode='rgb_array', or set MPLBACKEND where there is a screen")


def _draw_zones(axes: Axes, state: Any) -> None:
    for zone in np.flatnonzero(state.obstacle_exists[0]):
        if corners := int(state.obstacle_num_vertices[0, zone]):
            axes.add_patch(Polygon(state.obstacle_vertices_m[0, zone, :corners], color=COLOURS["zone"]))
        else:
            east_m, north_m = map(float, state.obstacle_center_m[0, zone])
            axes.add_patch(Circle((east_m, north_m), float(state.obstacle_radius_m[0, zone]), color=COLOURS["zone"]))


def _draw_targets(axes: Axes, state: Any) -> str:
    """Draws targets that have appeared, larger where more is demanded, and depots; returns words for the title."""
    appeared = state.target_exists[0] & (state.target_appears_s[0] <= state.time_s[0])
    is_open = (state.target_remaining[0] > 0.0).any(axis=1)
    places_m, demand = state.target_position_m[0], state.target_demand[0].sum(axis=1)
    size = 40.0 + 80.0 * demand / max(float(demand.max(initial=0.0)), 1e-6)
    for kind, marked in (("open", appeared & is_open), ("closed", appeared & ~is_open)):
        axes.scatter(places_m[marked, 0], places_m[marked, 1], s=size[marked], marker="D", color=COLOURS[kind])
    used = np.unique(state.uav_depot[0][state.uav_exists[0]])
    depots_m = state.depot_position_m[0][used[used > 0] - 1]
    axes.scatter(depots_m[:, 0], depots_m[:, 1], s=60.0, marker="s", color="black")
    return f", {int((appeared & ~is_open).sum())} of {int(appeared.sum())} targets served"


def _draw_goals(axes: Axes, state: Any) -> str:
    """Draws a cross at each goal; returns words for the title."""
    exists, arrived = state.uav_exists[0], state.uav_arrived[0]
    for kind, marked in (("open", exists & ~arrived), ("closed", exists & arrived)):
        goals_m = state.uav_goal_m[0, marked]
        axes.scatter(goals_m[:, 0], goals_m[:, 1], s=50.0, marker="x", color=COLOURS[kind])
    return f", {int((exists & arrived).sum())} of {int(exists.sum())} UAVs at their goal"


def _heads_for(state: Any, uav: np.integer[Any]) -> FloatArray | None:
    """Where a UAV is under way to; None = nowhere."""
    if hasattr(state, "uav_goal_m"):
        goal_m: FloatArray = state.uav_goal_m[0, uav]
        return goal_m
    choice = int(state.uav_choice[0, uav])
    return None if choice < 0 else state.target_position_m[0, choice]
