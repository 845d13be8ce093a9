"""Entry points: what installed packages add, by name. Nothing is imported before it is used by its name.

A package declares them in its pyproject.toml:

    [project.entry-points."rl_cluster.heuristics"]
    my-greedy = "my_package.mine:Greedy"
"""

from collections.abc import Collection
from importlib.metadata import entry_points

from rl_cluster.errors import ConfigError

__all__ = ["HEURISTICS", "TASKS", "installed"]

HEURISTICS, TASKS = "rl_cluster.heuristics", "rl_cluster.tasks"


def installed(group: str, built_in: Collection[str]) -> dict[str, str]:
    """Name -> import path of what installed packages add to a group, in the order of names.

    Raises ConfigError if one has the name of something built in, or of another package's.
    """
    found: dict[str, str] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        package = point.dist.name if point.dist else point.module
        if point.name in built_in:
            what = f"the package {package} adds {point.name}, which is the name of a built-in"
            raise ConfigError(group, what, f"rename its entry point, or uninstall {package}")
        if found.get(point.name, point.value) != point.value:
            what = f"two packages add {point.name}: {found[point.name]} and {point.value}"
            raise ConfigError(group, what, "uninstall one of them")
        found[point.name] = point.value
    return found
