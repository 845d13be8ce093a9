"""The scenarios in a run's settings: read once more as files are, and held to the sizes that the run has room for."""

from collections.abc import Mapping, Sequence
from typing import Any

from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario
from rl_cluster.errors import ScenarioError

__all__ = ["check_room", "given_scenarios"]


def given_scenarios(data: Sequence[Mapping[str, Any]]) -> tuple[Scenario, ...]:
    """The scenarios in `generator.scenarios`. Raises ScenarioError as `parse_scenario` does."""
    return tuple(parse_scenario(one, f"generator.scenarios.{number}") for number, one in enumerate(data))


def check_room(scenario: Scenario, generator: Any, counts: Mapping[str, int]) -> None:
    """Raises ScenarioError if an episode of the scenario is larger than the run's settings have room for.

    Args:
        scenario: Named in the message.
        generator: The settings, whose ranges end with the padded sizes.
        counts: Setting -> the most of them in such an episode.
    """
    words = {"num_uavs": "UAVs", "num_targets": "targets", "num_obstacles": "no-fly zones"}
    ranges = {name: getattr(generator, name) for name in counts}
    over = {name: count for name, count in counts.items() if count > ranges[name][1]}
    if over:
        has = " and ".join(f"{count} {words[name]}" for name, count in over.items())
        pads = " and ".join(f"generator.{name}=[{ranges[name][0]}, {ranges[name][1]}]" for name in over)
        remedy = " ".join(f"generator.{name}=[{ranges[name][0]},{count}]" for name, count in over.items())
        raise ScenarioError(scenario.name, f"its episodes have up to {has}, and {pads} pads to fewer", f"set {remedy}")
