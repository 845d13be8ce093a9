"""The engine of a run, by its settings. The ring is imported only for runs that need Ray."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.model.compiling import check_compiler
from rl_cluster.training.engine import Engine
from rl_cluster.training.local_engine import LocalEngine

__all__ = ["engine_of"]

MakeEngine: TypeAlias = Callable[[Config, str | None], Engine]


def engine_of(config: Config, address: str | None, rllib_callbacks: Sequence[type] = ()) -> MakeEngine:
    """What makes the run's engine from settings and an address. Imports all that it needs, and starts nothing.

    Raises ConfigError if there is an address or a class of RLlib's callbacks, but nothing in the run that uses it; or
    if this process is to compile the network and cannot.
    """
    if config.model.compile != "none" and _computes_here(config):
        check_compiler()
    if rllib_callbacks and (config.engine, config.api_stack) != ("ray", "new"):
        setting = f"engine={config.engine}" if config.engine != "ray" else f"api_stack={config.api_stack}"
        what = f"{setting} calls no callbacks of RLlib's"
        remedy = "derive it from rl_cluster.Callback, or set engine=ray and api_stack=new"
        raise ConfigError(f"--callback {rllib_callbacks[0].__name__}", what, remedy)
    if config.api_stack == "old":
        from rl_cluster.rllib.old.engine import OldStackEngine

        return OldStackEngine
    if config.engine == "ray":
        from rl_cluster.rllib.engine import RayEngine

        return partial(RayEngine, callbacks=rllib_callbacks) if rllib_callbacks else RayEngine
    if address:
        raise ConfigError("--address", "engine=local uses no Ray", "omit --address, or set engine=ray")
    return lambda config, _: LocalEngine(config)


def _computes_here(config: Config) -> bool:
    """Whether this process samples or updates, which Ray's actors do elsewhere."""
    return config.engine == "local" or not (config.sampling.num_env_runners and config.learners.num_learners)
