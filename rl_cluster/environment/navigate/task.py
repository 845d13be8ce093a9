"""The record of task `navigate` for the rest of the package."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from rl_cluster.config.curriculum import NavigateStage
from rl_cluster.config.navigate import NavigateGeneratorConfig, NavigateWorldConfig
from rl_cluster.config.schema import Config, NavigateConfig
from rl_cluster.environment.navigate.columns import FEATURES
from rl_cluster.environment.navigate.generator import NavigateGenerator
from rl_cluster.environment.navigate.heuristics import HEURISTICS
from rl_cluster.environment.navigate.observation import empty_observation
from rl_cluster.environment.navigate.outcome import METRICS, Metric
from rl_cluster.environment.navigate.plans import NavigatePlanning
from rl_cluster.environment.navigate.recording import NavigateRecording
from rl_cluster.environment.navigate.scenarios import NavigateScenarios
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.navigate.state_bounds import navigate_bounds
from rl_cluster.environment.navigate.varied_scenarios import VariedScenarios
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.interface import Sizes, SourceOf
from rl_cluster.environment.task import Task
from rl_cluster.types import GraphSpec, Observation

__all__ = ["NAVIGATE"]


def _make_episodes(
    config: NavigateGeneratorConfig,
    world: NavigateWorldConfig,
    seed: int,
    is_training: bool,
    stages: Sequence[NavigateStage],
) -> SourceOf[NavigateState]:
    """Drawn episodes, or those that are made from given scenarios."""
    if config.scenarios:
        return VariedScenarios(config, world, seed, is_training)
    return NavigateGenerator(config, world, seed, is_training, stages)


def _make_worlds(
    source: SourceOf[NavigateState], config: Config, num_worlds: int, first_world: int, is_training: bool
) -> NavigateWorlds:
    return NavigateWorlds(source, config.world, config.reward, num_worlds, first_world, is_training)


def _empty_observation(num_worlds: int, sizes: Sizes, config: Config) -> Observation[NDArray[Any]]:
    return empty_observation(num_worlds, sizes, config.world.num_encounters)


def _graph_spec(config: Config) -> GraphSpec:  # noqa: ARG001 - the widths are those of every run
    return FEATURES.graph_spec(num_resources=0, num_controls=2)


def _state_fault(arrays: Mapping[str, NDArray[Any]]) -> str | None:  # noqa: ARG001 - no fields depend on others
    return None


NAVIGATE = Task(
    name="navigate",
    settings=NavigateConfig,
    preset="navigate_demo",
    make_generator=_make_episodes,
    make_scenarios=NavigateScenarios,
    make_worlds=_make_worlds,
    empty_observation=_empty_observation,
    features=FEATURES,
    graph_spec=_graph_spec,
    heuristics=HEURISTICS,
    extras={},
    preference_ranges=lambda _: {},
    tell=lambda observation, _weights, _config: observation,
    reference="orca",
    metrics=METRICS,
    headline=Metric.SUCCESS_RATE.metric,
    summary=(
        Metric.REACH_RATE.metric,
        Metric.MEAN_TIME_S.metric,
        Metric.PATH_M_PER_UAV.metric,
        Metric.COLLISIONS_PER_UAV.metric,
        Metric.SUCCESS_RATE.metric,
    ),
    recording=NavigateRecording(),
    planning=NavigatePlanning(),
    state_bounds=navigate_bounds,
    state_fault=_state_fault,
)
