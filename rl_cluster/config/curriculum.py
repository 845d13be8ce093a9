"""Settings of a curriculum: stages of rising difficulty, and the rules by which a run moves between them.

`schedulers/curriculum.py` has the rules' meaning. What a stage changes are ranges of the task's generator: padded to
that, observations have the same shape in all stages.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rl_cluster.config.section import Count, Section, Share, check_range

__all__ = [
    "PACES",
    "AllocateCurriculum",
    "AllocateStage",
    "CurriculumConfig",
    "NavigateCurriculum",
    "NavigateStage",
    "check_stages",
    "fill_pace",
]

Evaluations = Annotated[int, Field(ge=1, le=1000)]
Zones = Annotated[int, Field(ge=0, le=1024)]
MAX_STAGES = 16

PACES: dict[str, dict[str, Any]] = {
    "conservative": {"pass_score": 0.8, "num_passes": 5, "patience": 10},
    "aggressive": {"pass_score": 0.7, "num_passes": 3, "patience": 5},
}
"""Pace -> what is left out: `pass_score` of a stage, `num_passes` and `patience` of the curriculum."""


class _Stage(Section):
    """One stage: ranges that its episodes are drawn from, in place of the generator's."""

    num_uavs: tuple[Count, Count]
    """UAVs in an episode, within the generator's range."""
    num_obstacles: tuple[Zones, Zones]
    """No-fly zones in an episode, within the generator's range."""
    pass_score: Annotated[float, Field(ge=1e-3, le=1.0)]
    """Score at which the stage is passed, if it is reached often enough in a row; `floor_share` may ask for more."""
    mix: tuple[Share, Share]
    """Shares of the training steps in this stage, and in earlier ones, each of which gets as much; 1 together."""

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        if not math.isclose(sum(self.mix), 1.0, abs_tol=1e-9):
            raise ValueError(f"mix={list(self.mix)} adds up to {sum(self.mix):g}; write two shares of 1, as [0.7, 0.3]")
        if self.mix[0] == 0.0:
            raise ValueError("mix gives this stage no share; write [1.0, 0.0] to train on it alone")
        return self


class AllocateStage(_Stage):
    """A stage of task `allocate`."""

    num_targets: tuple[Count, Count]
    """Targets in an episode, within the generator's range."""


class NavigateStage(_Stage):
    """A stage of task `navigate`."""


class CurriculumConfig(Section):
    """The rules, but for the stages, which the task types. One round = one evaluation (`training.evaluate_every`)."""

    pace: Literal["conservative", "aggressive"]
    """What is left out. conservative: pass_score 0.8, num_passes 5, patience 10. aggressive: 0.7, 3, 5."""
    metric: str
    """Episode metric in [0, 1] that is the score: mean over the episodes of a round."""
    stages: tuple[Any, ...]
    """First to last."""
    num_passes: Evaluations
    """Rounds in a row at or above what passes the stage that pass it."""
    floor_share: Share | None
    """No stage passes below random play's score plus this share of a heuristic's lead over it; null: no such floor."""
    grace: Annotated[int, Field(ge=0, le=1000)]
    """Rounds after a change of stage that are only recorded."""
    patience: Evaluations
    """Rounds without a new best score (by 0.01) that make a plateau; `controllers.plateau` says what follows."""
    fallback_share: Share
    """A round fails if its score is below this share of the score at which the stage before was passed."""
    num_failures: Evaluations
    """Failed rounds in a row that lead back to the stage before."""
    max_fallbacks: Annotated[int, Field(ge=0, le=1000)]
    """Ways back from one stage, over the whole run; at the next one the run is held where it is."""
    lr_decay: Annotated[float, Field(ge=1e-3, le=1.0)]
    """The learning rate is multiplied by this on the way back."""

    @model_validator(mode="after")
    def _begins_alone(self) -> Self:
        if self.stages[0].mix[0] != 1.0:
            raise ValueError("the first stage has none before it to mix with; write mix: [1.0, 0.0]")
        return self


class AllocateCurriculum(CurriculumConfig):
    """A curriculum of task `allocate`."""

    metric: Literal["normalized_completion_score", "success_rate", "satisfied_rate", "completion_rate"]
    stages: Annotated[tuple[AllocateStage, ...], Field(min_length=1, max_length=MAX_STAGES)]


class NavigateCurriculum(CurriculumConfig):
    """A curriculum of task `navigate`."""

    metric: Literal["success_rate"]
    stages: Annotated[tuple[NavigateStage, ...], Field(min_length=1, max_length=MAX_STAGES)]


def fill_pace(data: dict[str, Any]) -> None:
    """Completes the `curriculum` section of a run's plain data, which is not validated yet, in place.

    Data that makes no sense is left as it is: the schema says what is wrong with it.
    """
    curriculum = data.get("curriculum")
    pace = curriculum.get("pace") if isinstance(curriculum, dict) else None
    if not isinstance(curriculum, dict) or not isinstance(pace, str) or pace not in PACES:
        return
    pass_score, *others = PACES[pace].items()
    for name, value in others:
        curriculum.setdefault(name, value)
    stages = curriculum.get("stages")
    for stage in stages if isinstance(stages, list) else ():
        if isinstance(stage, dict):
            stage.setdefault(*pass_score)


def check_stages(curriculum: CurriculumConfig, generator: Section) -> None:
    """Raises ValueError if a stage's range is not within the generator's: observations are padded to that."""
    for number, stage in enumerate(curriculum.stages, start=1):
        for name in ("num_uavs", "num_targets", "num_obstacles"):
            if name in type(stage).model_fields:
                _check_within(f"curriculum.stages: stage {number}: {name}", getattr(stage, name), name, generator)


def _check_within(where: str, low_high: tuple[int, int], name: str, generator: Section) -> None:
    check_range(where, low_high)
    low, high = getattr(generator, name)
    if low_high[0] < low or low_high[1] > high:
        raise ValueError(
            f"{where}={list(low_high)} is not within generator.{name}=[{low}, {high}], to which all stages are padded; "
            f"widen generator.{name}"
        )
