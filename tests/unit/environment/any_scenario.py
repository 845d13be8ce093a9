"""Any legal scenario, and any legal actions in it: what the laws of both tasks are tried on.

Odd sizes, places on edges and corners, zones of both kinds, and amounts at both ends of what a file may say.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.scenario.form import ScenarioForm
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario
from rl_cluster.environment.shared.interface import StepResult, Worlds
from rl_cluster.environment.tasks import make_scenario_source, make_worlds
from rl_cluster.errors import ScenarioError
from rl_cluster.types import Observation

MAX_SIZE = 6
NUM_STEPS = 10
SEEDS = st.integers(0, 2**32 - 1)

AnyObservation = Observation[NDArray[Any]]


def extremes(low: float, high: float) -> st.SearchStrategy[float]:
    """Both ends as often as all between, which is spread over the orders of magnitude."""
    spread = st.floats(math.log(low), math.log(high)).map(lambda exponent: min(max(math.exp(exponent), low), high))
    return st.one_of(st.just(low), st.just(high), spread)


def points(width_m: float, height_m: float) -> st.SearchStrategy[list[float]]:
    """Anywhere in the area, its edges and corners included."""
    shares = st.sampled_from((0.0, 0.5, 1.0)) | st.floats(0.0, 1.0)
    return st.tuples(shares, shares).map(lambda share: [share[0] * width_m, share[1] * height_m])


@st.composite
def zones(draw: st.DrawFn, width_m: float, height_m: float) -> dict[str, Any]:
    """A circle, or a polygon with corners at about equal angles: star-shaped, convex or not."""
    (x, y), share = draw(points(width_m, height_m)), draw(st.floats(0.001, 0.7))
    reach_m = max(0.5, share * max(width_m, height_m))
    num_corners = draw(st.sampled_from((0, 3, 4, 5, 8)))
    if num_corners == 0:
        return {"kind": "circle", "center_m": [x, y], "radius_m": reach_m}
    radii_m = [reach_m * draw(st.floats(0.3, 1.0)) for _ in range(num_corners)]
    first_rad = draw(st.floats(0.0, math.tau))
    angles_rad = [first_rad + math.tau * corner / num_corners for corner in range(num_corners)]
    corners_m = [
        [x + r * math.cos(angle), y + r * math.sin(angle)] for r, angle in zip(radii_m, angles_rad, strict=True)
    ]
    return {"kind": "polygon", "vertices_m": corners_m}


@st.composite
def uavs(draw: st.DrawFn, number: int, position: st.SearchStrategy[list[float]], num_kinds: int) -> dict[str, Any]:
    low, high = sorted((draw(extremes(0.01, 60.0)), draw(extremes(0.01, 1e4))))
    given_or_not = {
        "max_turn_rate_radps": draw(st.none() | extremes(max(low / 99.0, 1e-3), 1e3)),
        "fails_s": draw(st.none() | extremes(1e-3, 1e3)),
        "depot_m": draw(st.none() | position),
    }
    return {
        "id": f"u{number}",
        "position_m": draw(position),
        "heading_rad": draw(st.floats(-10.0, 10.0) | st.sampled_from((-1e7, math.pi, -math.pi, 1e7))),
        "resources": draw(st.lists(st.just(0.0) | extremes(1e-5, 1e6), min_size=num_kinds, max_size=num_kinds)),
        "range_m": draw(extremes(1e-3, 1e7)),
        "speed_mps": [low, high],
        "cruise_mps": draw(st.sampled_from((low, high))),
        "goal_m": draw(position),
        **{name: value for name, value in given_or_not.items() if value is not None},
    }


@st.composite
def targets(draw: st.DrawFn, number: int, position: st.SearchStrategy[list[float]], num_kinds: int) -> dict[str, Any]:
    demand = draw(st.lists(st.just(0.0) | extremes(2e-4, 1e6), min_size=num_kinds, max_size=num_kinds))
    demand[draw(st.integers(0, num_kinds - 1))] += 1.0
    return {
        "id": f"t{number}",
        "position_m": draw(position),
        "demand": [min(amount, 1e6) for amount in demand],
        "value": draw(extremes(1e-3, 1e6)),
        "service_time_s": draw(st.just(0.0) | extremes(0.1, 1e3)),
        "appears_s": draw(st.just(0.0) | extremes(0.1, 1e3)),
    }


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Some of them: substeps divide the settings' decision intervals, and a UAV can turn within the capture radius."""
    drawn = {
        "coalition": draw(st.none() | st.sampled_from(("sum", "sync"))),
        "resource_kind": draw(st.none() | st.sampled_from(("consumed", "capability"))),
        "capture_radius_m": draw(st.none() | extremes(100.0, 1e5)),
        "substep_s": draw(st.none() | st.sampled_from((0.25, 0.5, 1.0))),
        "clearance_m": draw(st.none() | st.just(0.0) | extremes(0.1, 1e3)),
    }
    return {name: value for name, value in drawn.items() if value is not None}


@st.composite
def scenarios(draw: st.DrawFn, num_kinds: int | None = None, has_rules: bool = False) -> Scenario:
    """Any: zones that would hold a UAV, a target, a goal or the depot are left out.

    With rules it is one of task `allocate`.
    """
    width_m, height_m = draw(extremes(1.0, 1e6)), draw(extremes(1.0, 1e6))
    num_kinds = num_kinds or draw(st.integers(1, 3))
    position = points(width_m, height_m)
    depot_m, time_limit_s = draw(st.none() | position), draw(st.none() | extremes(1e-3, 1e3))
    data: dict[str, Any] = {
        "name": "any",
        "area": {"width_m": width_m, "height_m": height_m},
        "uavs": [draw(uavs(i, position, num_kinds)) for i in range(draw(st.integers(1, MAX_SIZE)))],
        "targets": [draw(targets(j, position, num_kinds)) for j in range(draw(st.integers(1, MAX_SIZE)))],
        "obstacles": [draw(zones(width_m, height_m)) for _ in range(draw(st.integers(0, 3)))],
        **({} if depot_m is None else {"depot_m": depot_m}),
        **({} if time_limit_s is None else {"time_limit_s": time_limit_s}),
        **({"rules": draw(rules())} if has_rules else {}),
    }
    form = ScenarioForm.model_validate(data)
    places = [place for uav in form.uavs for place in (uav.position_m, uav.goal_m, uav.depot_m)]
    places += [target.position_m for target in form.targets] + [form.depot_m]
    is_free = [not any(place and zone.holds(place) for place in places) for zone in form.obstacles]
    data["obstacles"] = list(itertools.compress(data["obstacles"], is_free))
    return parse_scenario(data, "any")


class Step(NamedTuple):
    before: dict[str, NDArray[Any]]
    observation: AnyObservation
    actions: NDArray[Any]
    result: StepResult
    after: dict[str, NDArray[Any]]


def worlds_of(config: Config, *played: Scenario) -> Worlds:
    """Worlds that play them. An example of too many steps, or of a place that is hemmed in, is none."""
    try:
        source = make_scenario_source(config, played, seed=0)
    except ScenarioError as error:
        if "flight steps" not in error.what and "no free place" not in error.what:
            raise
        reject()
    return make_worlds(config, source, num_worlds=len(played))


def legal_choices(observation: AnyObservation, shares: NDArray[np.float64]) -> NDArray[np.int16]:
    """Of the legal actions of each UAV the one that a share in [0, 1) picks: padding changes nothing."""
    num_legal = observation.action_mask.sum(axis=2)
    rank = np.floor(shares[:, : num_legal.shape[1]] * num_legal)
    is_picked = observation.action_mask & (observation.action_mask.cumsum(axis=2) == rank[..., None] + 1)
    return is_picked.argmax(axis=2).astype(np.int16)


def controls(shares: NDArray[np.float64]) -> NDArray[np.float32]:
    """(.., 2) in [-1, 1], both ends as often as all between."""
    return np.clip(4.0 * shares - 2.0, -1.0, 1.0).astype(np.float32)


def legal_actions(worlds: Worlds, observation: AnyObservation, random: np.random.Generator) -> NDArray[Any]:
    """The same for UAV i of every world."""
    num_worlds, num_uavs = observation.decides.shape
    shares = np.tile(random.random((MAX_SIZE, 2)), (num_worlds, 1, 1))
    if isinstance(worlds, NavigateWorlds):
        return controls(shares[:, :num_uavs])
    return legal_choices(observation, shares[..., 0])


def play(worlds: Worlds, seed: int, num_steps: int = NUM_STEPS) -> Iterator[Step]:
    """Steps with random legal actions, until all worlds have ended or so many steps are done."""
    random, observation = np.random.default_rng(seed), worlds.reset()
    for _ in range(num_steps):
        before = worlds.state_dict()
        actions = legal_actions(worlds, observation, random)
        result = worlds.advance(actions)
        yield Step(before, observation, actions, result, worlds.state_dict())
        observation = worlds.observe()
        if worlds.state.ended.all():
            return


def doubles(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    """Of the only world."""
    return {name: array[0].astype(np.float64) for name, array in arrays.items()}


def assert_stands_still(worlds: Worlds) -> None:
    """Another step of worlds that have ended changes and pays nothing."""
    before, observation = worlds.state_dict(), worlds.observe()
    again = worlds.advance(legal_actions(worlds, observation, np.random.default_rng(1)))

    for name, array in worlds.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert not any(array.any() for array in again)
