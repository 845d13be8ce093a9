"""From a run's settings to its task, and to what the task makes from them: episodes, worlds, shapes.

All code that drives worlds uses these functions and the protocols of `shared/interface.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from numpy.typing import NDArray

from rl_cluster.config import own_tasks
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.task import ALLOCATE
from rl_cluster.environment.compiling import expect_compiling
from rl_cluster.environment.navigate.task import NAVIGATE
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.array_form import ArrayForm, forms_of
from rl_cluster.environment.shared.interface import EpisodeSource, SwarmState, Worlds
from rl_cluster.environment.task import Task
from rl_cluster.errors import ConfigError
from rl_cluster.types import GraphSpec

__all__ = [
    "TASKS",
    "AnyTask",
    "expect_kernels",
    "find_task",
    "graph_spec",
    "make_scenario_source",
    "make_source",
    "make_worlds",
    "saved_fault",
    "saved_forms",
    "task_of",
]

AnyTask = Task[SwarmState, Worlds]

# The parts of a task fit each other, but a run's task is known only at run time.
TASKS: Mapping[str, AnyTask] = {task.name: cast("AnyTask", task) for task in (ALLOCATE, NAVIGATE)}
"""Name -> task."""


def task_of(config: Config) -> AnyTask:
    """The task of a run.

    Raises ConfigError if it is none of this package's, and its own package is not installed here.
    """
    return find_task(config.task)


def find_task(name: str) -> AnyTask:
    """The task of that name. Raises ConfigError if there is none."""
    task = TASKS.get(name) or own_tasks.find_task(name)
    if task is None:
        known = ", ".join(own_tasks.task_names())
        raise ConfigError(
            "task", f"{name} is no task here", f"choose from {known}, or install the package that adds it"
        )
    return cast("AnyTask", task)


def make_source(config: Config, seed: int, is_training: bool, stage: int | None = None) -> EpisodeSource:
    """The generator of the run's episodes: those for training, or those that are never trained on.

    Args:
        config: The run's settings.
        seed: Keys the episodes.
        is_training: True = the episodes for training.
        stage: A stage of the run's curriculum, from 1: all episodes come from it, padded to its own sizes. None:
            training begins in the first stage and follows the mixtures that are set; otherwise the generator's ranges
            hold.
    """
    generator = config.generator
    stages: Sequence[Any] = config.curriculum.stages if config.curriculum and is_training else ()
    if stage:
        ranges = config.curriculum.stages[stage - 1].model_dump(exclude={"pass_score", "mix"})
        generator, stages = generator.model_copy(update=ranges), ()
    return task_of(config).make_generator(generator, config.world, seed, is_training, stages)


def make_scenario_source(config: Config, scenarios: Sequence[Scenario], seed: int) -> EpisodeSource:
    """Scenarios as episodes of the run's task. Raises ScenarioError if one does not fit the task or the world."""
    return task_of(config).make_scenarios(scenarios, config.world, seed)


def make_worlds(
    config: Config, source: EpisodeSource, num_worlds: int, first_world: int = 0, is_training: bool = False
) -> Worlds:
    """Worlds of the run's task, with episodes of a source that was made for the same run."""
    return task_of(config).make_worlds(source, config, num_worlds, first_world, is_training)


def graph_spec(config: Config) -> GraphSpec:
    """What the run's network must fit: widths of the feature rows, and the kind of action."""
    return task_of(config).graph_spec(config)


def expect_kernels(config: Config) -> None:
    """Says it if the other processes of a run on this machine are going to compile the kernels of its task."""
    expect_compiling(task_of(config).make_generator.__module__.rpartition(".")[0])


def saved_forms(config: Config, num_worlds: int) -> dict[str, ArrayForm]:
    """Name -> form of the arrays in `Worlds.state_dict` of this many training worlds. Makes no world."""
    source = make_source(config, config.seed, is_training=True)
    arrays = make_worlds(config, source, 0, is_training=True).state_dict()
    forms = forms_of(arrays, task_of(config).state_bounds(source.sizes))
    return {name: form._replace(shape=(num_worlds, *form.shape[1:])) for name, form in forms.items()}


def saved_fault(config: Config, arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """How arrays that have the forms of `saved_forms` contradict each other; None = they do not."""
    return task_of(config).state_fault(arrays)
