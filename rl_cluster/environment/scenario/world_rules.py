"""Rules of the world that a scenario gives in place of the settings'. Only task `allocate` has them."""

from typing import Literal, NamedTuple

__all__ = ["NO_RULES", "WorldRules"]


class WorldRules(NamedTuple):
    """None: as the world's settings say. `config/allocate.py` has their meanings."""

    coalition: Literal["sum", "sync"] | None = None
    resource_kind: Literal["consumed", "capability"] | None = None
    capture_radius_m: float | None = None
    decision_interval_s: float | None = None
    substep_s: float | None = None
    clearance_m: float | None = None
    """`obstacle_clearance_m` of the settings"""

    @property
    def given(self) -> dict[str, str | float]:
        """Name -> value of the rules that are given."""
        return {name: value for name, value in self._asdict().items() if value is not None}


NO_RULES = WorldRules()
"""All as the world's settings say."""
