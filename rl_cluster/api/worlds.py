"""Worlds to step by hand, of a run's settings."""

from rl_cluster.config.schema import Config
from rl_cluster.environment import tasks
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import EpisodeSource, Worlds

__all__ = ["make_episodes", "make_worlds"]


def make_worlds(
    config: Config,
    num_worlds: int = 1,
    *,
    seed: int | None = None,
    scenario: Scenario | None = None,
    is_training: bool = False,
) -> Worlds:
    """Worlds that step together; `reset` starts them, `step` takes actions and starts ended ones again.

    Args:
        config: The settings of task, generator, world and reward.
        num_worlds: How many.
        seed: Keys the episodes; None: `config.seed`.
        scenario: What every episode starts from; None: the generator's episodes.
        is_training: True = the generator's episodes for training, False = those that are never trained on.

    Raises:
        ScenarioError: The scenario does not fit the task or the world.
    """
    source = make_episodes(config, config.seed if seed is None else seed, scenario, is_training=is_training)
    return tasks.make_worlds(config, source, num_worlds, is_training=is_training)


def make_episodes(
    config: Config, seed: int, scenario: Scenario | None = None, *, is_training: bool = False
) -> EpisodeSource:
    """The episodes of the generator, or of a scenario. Raises ScenarioError as `make_worlds`."""
    if scenario is not None:
        return tasks.make_scenario_source(config, [scenario], seed)
    return tasks.make_source(config, seed, is_training)
