"""Whether an object has what a protocol asks for; `mypy` checks the types where the object is written."""

from collections.abc import Sequence

from rl_cluster.errors import ConfigError

__all__ = ["check_members"]


def check_members(candidate: object, members: Sequence[str], where: str, remedy: str = "") -> None:
    """Raises ConfigError that names the first of the members that the candidate lacks."""
    for member in members:
        if not hasattr(candidate, member):
            given = remedy or f"give it {', '.join(members)}"
            raise ConfigError(where, f"has no {member}", given)
