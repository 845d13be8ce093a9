"""What a run reports beside its metrics: an event is a small record, with its numbers and one wording.

Lines of metrics.jsonl hold events as JSON objects, distinguished by their `kind`; readers use the fields. Alerts are
events, too (`metrics/alerts.py`). Older versions wrote only words, which are read as `Told`.
"""

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from rl_cluster.metrics.alerts import Alert, AlertOver
from rl_cluster.schedulers.divergence import Divergence
from rl_cluster.schedulers.verdict import Verdict

__all__ = [
    "Diverging", "Event", "Floor", "LearningRates", "Plateau", "Restore", "StageChange", "Told", "event_to_json",
    "events_from_json",
]  # fmt: skip

Number = Annotated[float, Field(allow_inf_nan=False)]
Stage = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class LearningRates:
    """The learning rate before and after an event."""

    before: Number
    after: Number

    @property
    def words(self) -> str:
        """`lr 1e-4 -> 5e-5`."""
        return f"lr {_short(self.before)} -> {_short(self.after)}"

    @property
    def words_of_change(self) -> str:
        """The words after a comma; empty if the rate has not changed."""
        return f", {self.words}" if self.after != self.before else ""


@dataclass(frozen=True, slots=True)
class StageChange:
    """The curriculum has moved, or has ended."""

    kind: Literal[Verdict.ADVANCE, Verdict.DONE, Verdict.FALLBACK, Verdict.HELD]
    from_stage: Stage
    to_stage: Stage
    score: Number | None
    """None = what was learnt, or the score, was not finite"""
    bound: Number | None
    """score at or above which the stage is passed (advance, done), or below which it is given up (fallback, held)"""
    lr: LearningRates

    @property
    def where(self) -> str:
        """`stage 1 -> 2`."""
        return f"stage {self.from_stage}" + (f" -> {self.to_stage}" if self.to_stage != self.from_stage else "")

    @property
    def words(self) -> str:
        """One line, as the terminal shows it."""
        begin = f"{self.kind}: {self.where}, {self._test()}"
        if self.kind is Verdict.HELD:
            return f"{begin}, no way back is left"
        return begin + (self.lr.words_of_change if self.kind is Verdict.FALLBACK else "")

    def _test(self) -> str:
        if self.score is None or self.bound is None:
            return "numbers that are not finite"
        sign = ">=" if self.kind in {Verdict.ADVANCE, Verdict.DONE} else "<"
        return f"score {self.score:.2f} {sign} {self.bound:.2f}"


@dataclass(frozen=True, slots=True)
class Plateau:
    """The score has stopped rising."""

    kind: Literal[Verdict.PLATEAU]
    stage: Stage | None
    """None = the run has no curriculum"""
    score: Number
    """the last one, or with a curriculum the best one of the stage"""
    lr: LearningRates

    @property
    def where(self) -> str:
        """`stage 2`; empty without a curriculum."""
        return "" if self.stage is None else f"stage {self.stage}"

    @property
    def words(self) -> str:
        """One line, as the terminal shows it."""
        if self.stage is None:
            return f"plateau: score {self.score:.2f}, {self.lr.words}"
        return f"plateau: {self.where}, best score {self.score:.2f}{self.lr.words_of_change}"


@dataclass(frozen=True, slots=True)
class Restore:
    """A return to the last good state."""

    number: Stage
    most: Stage
    lr: LearningRates

    @property
    def words(self) -> str:
        """`restored (1 of 3), lr 1e-4 -> 5e-5`."""
        return f"restored ({self.number} of {self.most}), {self.lr.words}"


@dataclass(frozen=True, slots=True)
class Diverging:
    """Training seems to diverge."""

    kind: Literal["diverging"]
    why: Divergence
    restore: Restore | None = None
    """None = it is only reported"""

    @property
    def words(self) -> str:
        """One line, as the terminal shows it."""
        return f"diverging: {self.why.words}" + (f"; {self.restore.words}" if self.restore else "")


@dataclass(frozen=True, slots=True)
class Floor:
    """What passes a stage has been measured: random play and a heuristic have played it."""

    kind: Literal["floor"]
    stage: Stage
    pass_score: Number
    random: Number
    """score of random play"""
    heuristic: Number
    """score of the task's reference heuristic"""
    heuristic_name: Annotated[str, Field(max_length=300)]

    @property
    def words(self) -> str:
        """One line, as the terminal shows it."""
        measured = f"random play scores {self.random:.2f}, {self.heuristic_name} {self.heuristic:.2f}"
        return f"stage {self.stage}: passes at {self.pass_score:.2f}; {measured}"


@dataclass(frozen=True, slots=True)
class Told:
    """An event of an older version, which wrote only words."""

    words: str


Recorded = StageChange | Plateau | Diverging | Floor | Alert | AlertOver
Event = Recorded | Told

_FORM: TypeAdapter[Recorded] = TypeAdapter(Annotated[Recorded, Field(discriminator="kind")])


def event_to_json(event: Event) -> dict[str, Any] | str:
    """The event as plain values."""
    return event.words if isinstance(event, Told) else asdict(event)


def events_from_json(data: Any) -> list[Event]:
    """Takes a list of what `event_to_json` gave. Raises ValueError for anything else."""
    if not isinstance(data, list):
        raise ValueError("events are no list")
    return [_event_of(one) for one in data]


def _event_of(data: Any) -> Event:
    return Told(data) if isinstance(data, str) else _FORM.validate_json(json.dumps(data), strict=True)


def _short(value: float) -> str:
    """A number in short form: 1e-4, 2.5e-5."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
