"""Settings of runs that train on given scenarios: the scenarios themselves, and what is varied around them.

Scenarios stand in the settings whole, as plain data: a run goes on, is scored and is sent to other nodes without the
files that they came from. `environment/scenario` says what a scenario is; here it is data of any kind.
"""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from rl_cluster.config.section import NonNegative, Section, Share, check_range

__all__ = ["AllocateVary", "GivenScenarios", "NavigateVary"]

Factor = Annotated[float, Field(ge=1 / 64, le=64.0)]
Difference = Annotated[int, Field(ge=-4096, le=4096)]

GivenScenarios = Annotated[tuple[dict[str, Any], ...], Field(max_length=64)]
"""Each in the form of a scenario file."""


class AllocateVary(Section):
    """What differs between an episode and the scenario that it is made from; nothing: each is as its file says."""

    position_m: NonNegative
    """Metres. UAVs and targets are moved by up to this, uniform in a disc, and stay in the area and out of zones."""
    supply: tuple[Factor, Factor]
    """[low, high] of a factor of a UAV's resources, log-uniform."""
    speed: tuple[Factor, Factor]
    """[low, high] of a factor of a UAV's lowest, highest and cruise speed, log-uniform."""
    failing_share: Share
    """Share of the UAVs that fail, at a time drawn from the time limit, beside those that fail in the scenario."""
    extra_uavs: tuple[Difference, Difference]
    """[low, high] of UAVs more, or if negative fewer, than in the scenario: copies of UAVs are added, or UAVs drawn are
    left out; at least one remains."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("supply", "speed", "extra_uavs"):
            check_range(name, getattr(self, name))
        return self

    @property
    def is_on(self) -> bool:
        """True = episodes differ from their scenarios."""
        factors_and_counts = (self.supply, self.speed, self.extra_uavs)
        return bool(self.position_m or self.failing_share) or factors_and_counts != ((1.0, 1.0), (1.0, 1.0), (0, 0))


class NavigateVary(Section):
    """What differs between an episode and the scenario that it is made from."""

    position_m: NonNegative
    """Metres. Starts and goals are moved by up to this, uniform in a disc, and keep off zones and each other."""

    @property
    def is_on(self) -> bool:
        """True = episodes differ from their scenarios."""
        return self.position_m > 0.0
