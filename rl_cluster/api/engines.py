"""The engine of a run, by its settings. The ring is imported only for runs that need Ray."""

from collections.abc import Callable
from typing import TypeAlias

from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.training.engine import Engine
from rl_cluster.training.local_engine import LocalEngine

__all__ = ["engine_of"]

MakeEngine: TypeAlias = Callable[[Config, str | None], Engine]


def engine_of(config: Config, address: str | None) -> MakeEngine:
    """What makes the run's engine from settings and an address. Imports all that it needs, and starts nothing.

    Raises ConfigError if there is an address, but no Ray in the run.
    """
    if config.api_stack == "old":
        from rl_cluster.rllib.old.engine import OldStackEngine

        return OldStackEngine
    if config.engine == "ray":
        from rl_cluster.rllib.engine import RayEngine

        return RayEngine
    if address:
        raise ConfigError("--address", "engine=local uses no Ray", "omit --address, or set engine=ray")
    return lambda config, _: LocalEngine(config)
