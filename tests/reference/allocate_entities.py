"""UAVs and targets of the looped world of task `allocate`: plain objects, and what each of them knows alone."""

import math
from dataclasses import dataclass, field

__all__ = ["NOTHING", "LoopedTarget", "LoopedUAV"]

NOTHING = 1e-4


@dataclass
class LoopedTarget:
    position: tuple[float, float]
    demand: list[float]
    remaining: list[float]
    value: float = 1.0
    service: float = 0.0
    appears: float = 0.0
    ideal: int = 1
    closed_at: float = math.inf
    involved: set[int] = field(default_factory=set)

    @property
    def is_unmet(self) -> bool:
        return any(remaining > NOTHING for remaining in self.remaining)

    @property
    def crowding(self) -> float:
        return min(1.0, max(0.0, len(self.involved) / self.ideal - 1.0))


@dataclass
class LoopedUAV:
    position: tuple[float, float]
    heading: float
    lowest: float
    cruise: float
    turn_rate: float
    resources: list[float]
    range_left: float
    fails: float = math.inf
    depot: tuple[float, float] | None = None
    choice: int = -1
    is_present: bool = False
    """It has arrived at its choice and stays there."""
    service_ends: float = math.inf
    waited: float = 0.0
    flown: float = 0.0
    is_inside: bool = False
    num_collisions: int = 0
    num_wasted: int = 0
    given: dict[int, float] = field(default_factory=dict)
    """Units delivered by target."""

    @property
    def flies(self) -> bool:
        return self.range_left > 0.0

    @property
    def is_in_service(self) -> bool:
        return self.service_ends < math.inf

    def distance(self, target: LoopedTarget) -> float:
        return math.dist(self.position, target.position)

    def choose(self, choice: int) -> None:
        """To choose another target is to leave this one, and what has been served there is lost."""
        if choice != self.choice:
            self.choice, self.is_present, self.service_ends = choice, False, math.inf
