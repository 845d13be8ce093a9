"""The record of task `allocate` for the rest of the package."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.config.allocate_generator import AllocateGeneratorConfig
from rl_cluster.config.curriculum import AllocateStage
from rl_cluster.config.schema import AllocateConfig, Config
from rl_cluster.environment.allocate.columns import FEATURES
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import EXTRAS, HEURISTICS
from rl_cluster.environment.allocate.observation import empty_observation
from rl_cluster.environment.allocate.outcome import METRICS, Metric
from rl_cluster.environment.allocate.plans import AllocatePlanning
from rl_cluster.environment.allocate.preferences import preference_ranges, told
from rl_cluster.environment.allocate.readings import take_readings
from rl_cluster.environment.allocate.recording import AllocateRecording
from rl_cluster.environment.allocate.scenarios import ScenarioFiles
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.state_bounds import allocate_bounds, allocate_fault
from rl_cluster.environment.allocate.varied_scenarios import VariedScenarios
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import Sizes, SourceOf
from rl_cluster.environment.task import Task
from rl_cluster.types import FloatArray, GraphSpec, Observation

__all__ = ["ALLOCATE"]


def _make_episodes(
    config: AllocateGeneratorConfig,
    world: AllocateWorldConfig,
    seed: int,
    is_training: bool,
    stages: Sequence[AllocateStage],
) -> SourceOf[AllocateState]:
    """Drawn episodes, or those that are made from given scenarios."""
    if config.scenarios:
        return VariedScenarios(config, world, seed, is_training)
    return AllocateGenerator(config, world, seed, is_training, stages)


def _make_worlds(
    source: SourceOf[AllocateState], config: Config, num_worlds: int, first_world: int, is_training: bool
) -> AllocateWorlds:
    return AllocateWorlds(source, config.world, config.reward, num_worlds, first_world, is_training)


def _empty_observation(num_worlds: int, sizes: Sizes, config: Config) -> Observation[NDArray[Any]]:
    return empty_observation(num_worlds, sizes, min(config.world.num_candidates, sizes.num_targets))


def _graph_spec(config: Config) -> GraphSpec:
    return FEATURES.graph_spec(config.generator.num_resources, num_controls=0)


def _preference_ranges(config: Config) -> dict[str, tuple[float, float]]:
    return preference_ranges(config.generator)


def _tell(observation: Observation[NDArray[Any]], weights: FloatArray, config: Config) -> Observation[NDArray[Any]]:
    return told(observation, weights, config.generator.num_resources)


ALLOCATE = Task(
    name="allocate",
    settings=AllocateConfig,
    preset="quick_demo",
    make_generator=_make_episodes,
    make_scenarios=ScenarioFiles,
    make_worlds=_make_worlds,
    empty_observation=_empty_observation,
    features=FEATURES,
    graph_spec=_graph_spec,
    heuristics=HEURISTICS,
    extras=EXTRAS,
    preference_ranges=_preference_ranges,
    tell=_tell,
    reference="complete-first",
    metrics=METRICS,
    headline=Metric.NORMALIZED_COMPLETION_SCORE.metric,
    summary=(
        Metric.SATISFIED_RATE.metric,
        Metric.LAST_SERVICE_S.metric,
        Metric.PATH_KM_PER_UAV.metric,
        Metric.TIMEOUT_RATE.metric,
        Metric.NORMALIZED_COMPLETION_SCORE.metric,
    ),
    recording=AllocateRecording(),
    planning=AllocatePlanning(),
    state_bounds=allocate_bounds,
    state_fault=allocate_fault,
    take_readings=take_readings,
)
