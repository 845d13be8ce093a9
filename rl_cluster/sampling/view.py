"""How a network sees the worlds and chooses: settings that go with its weights, whatever worlds it plays.

A network that learnt with one unit of length, or with choices in turn, means something else by its numbers under
another. So it keeps these settings where it plays worlds of other settings, for example those of a suite.
"""

from typing import Any

from rl_cluster.config.schema import Config

__all__ = ["VIEW", "with_view_of"]

VIEW = ("sensing_radius_m", "num_candidates", "num_encounters", "choose_in_turn", "intent_rounds")
"""Settings of the world that are the network's own, of any task. They decide neither episodes nor metrics."""


def with_view_of(config: Config, trained: Config) -> Config:
    """The settings `config`, but for the view, which is that of the settings `trained`, of the same task.

    Where a world lets no UAV change its choice, there is one round of choices, as that world's settings say.
    """
    world: Any = config.world
    kept = {"intent_rounds"} if not getattr(world, "replan", True) else set()
    view = {name: getattr(trained.world, name) for name in VIEW if hasattr(world, name) and name not in kept}
    return config.model_copy(update={"world": world.model_copy(update=view)})
