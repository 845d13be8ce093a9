"""The demo with everything switched on that a world of task `allocate` may have."""

from rl_cluster.config.schema import Config

__all__ = ["with_all_rules"]

SWITCHED_ON = {
    "target_value": (0.5, 4.0),
    "service_time_s": (0.0, 150.0),
    "appearing_share": 0.4,
    "failing_share": 0.3,
    "has_depot": True,
    "obstacle_radius_m": (50.0, 150.0),
}


def with_all_rules(config: Config, **world: object) -> Config:
    """Values, service times, late targets, failures and a depot; zones small enough to leave cells for all of it."""
    changes = {
        "generator": config.generator.model_copy(update=SWITCHED_ON),
        "world": config.world.model_copy(update=world),
    }
    return config.model_copy(update=changes)
