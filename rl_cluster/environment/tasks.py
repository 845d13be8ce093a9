"""From a run's settings to its task: where episodes come from, the worlds, the shapes of what is seen, the heuristics.

The one place that knows all tasks. Everything above it drives `Worlds` and `Policy` of `interface.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from rl_cluster.config.schema import Config, NavigateConfig
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import EXTRAS as ALLOCATE_EXTRAS
from rl_cluster.environment.allocate.heuristics import HEURISTICS as ALLOCATE_HEURISTICS
from rl_cluster.environment.allocate.outcome import METRICS as ALLOCATE_METRICS
from rl_cluster.environment.allocate.scenarios import ScenarioFiles
from rl_cluster.environment.allocate.state_bounds import allocate_bounds, allocate_fault
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.navigate.features import ENCOUNTER_FEATURES, OBSTACLE_FEATURES, UAV_FEATURES
from rl_cluster.environment.navigate.generator import NavigateGenerator
from rl_cluster.environment.navigate.heuristics import HEURISTICS as NAVIGATE_HEURISTICS
from rl_cluster.environment.navigate.outcome import METRICS as NAVIGATE_METRICS
from rl_cluster.environment.navigate.scenarios import NavigateScenarios
from rl_cluster.environment.navigate.state_bounds import navigate_bounds
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.array_form import ArrayForm, forms_of
from rl_cluster.environment.shared.interface import Policy, Worlds
from rl_cluster.types import (
    GraphSpec,
    obstacle_feature_dim,
    pair_feature_dim,
    target_feature_dim,
    uav_feature_dim,
)

__all__ = [
    "extras",
    "graph_spec",
    "heuristics",
    "make_scenario_source",
    "make_source",
    "make_worlds",
    "metrics",
    "reference",
    "saved_fault",
    "saved_forms",
]


def make_source(config: Config, seed: int, is_training: bool, stage: int | None = None) -> Any:
    """The generator of the run's episodes: those that are trained on, or those that never are.

    Args:
        stage: Of the run's curriculum, from 1: whose episodes alone are drawn, padded to its own sizes. None: training
            begins in the first stage, and follows the mixtures that are set; else the generator's ranges hold.
    """
    generator = config.generator
    stages: Sequence[Any] = config.curriculum.stages if config.curriculum and is_training else ()
    if stage:
        ranges = config.curriculum.stages[stage - 1].model_dump(exclude={"pass_score", "mix"})
        generator, stages = generator.model_copy(update=ranges), ()
    make = NavigateGenerator if isinstance(config, NavigateConfig) else AllocateGenerator
    return make(generator, config.world, seed, is_training, stages)


def make_scenario_source(config: Config, scenarios: Sequence[Scenario], seed: int) -> Any:
    """Scenarios as episodes of the run's task. Raises ScenarioError if one does not fit the task or the world."""
    if isinstance(config, NavigateConfig):
        return NavigateScenarios(scenarios, config.world, seed)
    return ScenarioFiles(scenarios, config.world, seed)


def make_worlds(
    config: Config, source: Any, num_worlds: int, first_world: int = 0, is_training: bool = False
) -> Worlds:
    """Worlds of the run's task, with episodes of a source that was made for the same run."""
    if isinstance(config, NavigateConfig):
        return NavigateWorlds(source, config.world, config.reward, num_worlds, first_world, is_training)
    return AllocateWorlds(source, config.world, config.reward, num_worlds, first_world, is_training)


def saved_forms(config: Config, num_worlds: int) -> dict[str, ArrayForm]:
    """Name -> form of the arrays that `Worlds.state_dict` gives of so many training worlds; makes none of them."""
    source = make_source(config, config.seed, is_training=True)
    bounds = navigate_bounds if isinstance(config, NavigateConfig) else allocate_bounds
    forms = forms_of(make_worlds(config, source, 0, is_training=True).state_dict(), bounds(source.sizes))
    return {name: form._replace(shape=(num_worlds, *form.shape[1:])) for name, form in forms.items()}


def saved_fault(config: Config, arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """What is at odds among arrays that have the forms of `saved_forms`; None = nothing."""
    return None if isinstance(config, NavigateConfig) else allocate_fault(arrays)


def graph_spec(config: Config) -> GraphSpec:
    """What a network must fit: widths of the feature rows, and the kind of action."""
    if isinstance(config, NavigateConfig):
        return GraphSpec(UAV_FEATURES, 0, OBSTACLE_FEATURES, ENCOUNTER_FEATURES, num_controls=2)
    num_resources = config.generator.num_resources
    return GraphSpec(
        uav_feature_dim(num_resources),
        target_feature_dim(num_resources),
        obstacle_feature_dim(),
        pair_feature_dim(num_resources),
        num_controls=0,
    )


def heuristics(config: Config) -> Mapping[str, Callable[[int], Policy]]:
    """Name -> what makes the heuristic from a seed, weakest first."""
    return NAVIGATE_HEURISTICS if isinstance(config, NavigateConfig) else ALLOCATE_HEURISTICS


def extras(config: Config) -> Mapping[str, Callable[[int], Policy]]:
    """The same for policies that are played only if they are asked for by name: they need an extra, or much time."""
    return {} if isinstance(config, NavigateConfig) else ALLOCATE_EXTRAS


def metrics(config: Config) -> tuple[str, ...]:
    """Names of the task's episode metrics."""
    return NAVIGATE_METRICS if isinstance(config, NavigateConfig) else ALLOCATE_METRICS


def reference(config: Config) -> str:
    """Name of the heuristic that scores are held against: the strongest that plays at every size."""
    return "orca" if isinstance(config, NavigateConfig) else "complete-first"
