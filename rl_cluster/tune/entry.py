"""A study's record of a trial, as a line of JSON: where it stands, its sample, and its last scores."""

import json
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from rl_cluster.config.json_file import parse_json
from rl_cluster.config.section import Section
from rl_cluster.config.study import StudyConfig
from rl_cluster.errors import CheckpointError, ConfigError

__all__ = [
    "GIVEN",
    "Entry",
    "check_entry",
    "format_entry",
    "noted_score",
    "objective",
    "parse_entry",
    "test_name",
    "trial_name",
    "within_ranges",
]

GIVEN = "test-given"
CAUTION = 0.5
SLACK = 1e-9
"""Share by which a value that was searched by its logarithm may be outside its range."""
MAX_SCORE = 1e30
"""Scores beyond this count as not finite, because their squares, which searches and schedulers use, are not."""
Score = Annotated[float, Field(ge=-MAX_SCORE, le=MAX_SCORE)]


class Entry(Section):
    """A trial after a round, or at its end."""

    trial: Annotated[str, Field(pattern=r"^([0-9]{5}|test-[0-9]{5}|test-given)$")]
    """Five digits; for a test, `test-` and the trial whose settings it tests, or `test-given`."""
    status: Literal["trains", "ended", "failed"]
    """trains: it has begun, or has ended a round. failed: it died more often than it is restarted."""
    sample: dict[str, float]
    """key -> value; empty = the given settings"""
    rounds: Annotated[int, Field(ge=0, le=2**31)]
    """Number of rounds done."""
    scores: dict[str, Score | None]
    """seed -> its last evaluation, null if that was not finite; empty before the first round"""
    stage: Annotated[float, Field(ge=1.0, le=1e6)]
    """Stage of the seed that is slowest in its curriculum."""
    stage_rounds: Annotated[int, Field(ge=0, le=2**31)]
    """Rounds that this seed has spent in its stage."""
    held: Annotated[float, Field(ge=0.0, le=1.0)]
    """Share of the seeds whose curriculum is held."""
    diverged: Annotated[float, Field(ge=0.0, le=1.0)]
    """Share of the seeds whose training diverges."""

    @property
    def score(self) -> float | None:
        """The score by which trials are compared; None before the first round."""
        return objective(list(self.scores.values())) if self.scores else None

    @property
    def is_scored(self) -> bool:
        """Whether its score counts: the trial has ended as planned, or was ended."""
        return self.status == "ended" and bool(self.scores)


def objective(scores: Sequence[float | None]) -> float:
    """Mean minus half the standard deviation, which prefers the steadier of two equally good settings.

    A score that is not finite, or not known, counts as 0.
    """
    known = [noted_score(score) or 0.0 for score in scores]
    return fmean(known) - (CAUTION * stdev(known) if len(known) > 1 else 0.0)


def noted_score(score: float | None) -> float | None:
    """A run's score in the form of an entry: None if it is not finite, or too large to calculate with."""
    return score if score is not None and abs(score) <= MAX_SCORE else None


def trial_name(number: int) -> str:
    """Name of a trial, counted from 0."""
    return f"{number:05d}"


def test_name(trial: str) -> str:
    """Name of the test of a trial's settings; the test of the given settings is `GIVEN`."""
    return f"test-{trial}"


test_name.__test__ = False  # type: ignore[attr-defined]  # its name is not a test's


def format_entry(entry: Entry) -> bytes:
    """The entry as a line, including the newline."""
    return json.dumps(entry.model_dump(mode="json"), allow_nan=False).encode() + b"\n"


def parse_entry(line: str, where: str, remedy: str) -> Entry:
    """Reads a line back. Raises CheckpointError, with the given remedy."""
    try:
        data: Any = parse_json(line, where)
    except ConfigError as error:
        raise CheckpointError(where, error.what, remedy) from None
    if not isinstance(data, dict):
        raise CheckpointError(where, "is no entry of a trial", remedy)
    try:
        return Entry.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    except ValueError:  # a lone surrogate
        raise CheckpointError(where, "is no entry of a trial", remedy) from None
    place = ".".join(map(str, fault["loc"]))[:80]
    raise CheckpointError(f"{where}: {place}", f"is not as a study writes it ({fault['msg']})", remedy)


def check_entry(entry: Entry, study: StudyConfig, num_rounds: int, where: str, remedy: str) -> None:
    """Raises CheckpointError if an entry does not belong to this study."""
    is_test = entry.trial.startswith("test-")
    number = entry.trial.removeprefix("test-")
    ranges = {one.key: (one.low, one.high) for one in study.space}
    seeds = {str(seed) for seed in (study.test_seeds if is_test else study.seeds)}
    what = None
    if is_test and not study.num_test_seeds:
        what = f"{entry.trial} is of a test, and the study has none"
    elif number.isdigit() and int(number) >= study.num_trials:
        what = f"trial {number} is none of the {study.num_trials} of the study"
    elif entry.sample.keys() != (set() if entry.trial == GIVEN else ranges.keys()):
        what = "its sample does not have the keys of study.space"
    elif wrong := next((key for key, value in entry.sample.items() if not _is_within(value, *ranges[key])), None):
        what = f"{wrong}={entry.sample[wrong]:g} is outside of its range"
    elif entry.rounds > num_rounds:
        what = f"{entry.rounds} rounds are more than the {num_rounds} of a trial"
    elif entry.scores.keys() != (seeds if entry.rounds else set()):
        what = "its scores are not of the seeds of the study"
    if what:
        raise CheckpointError(where, what, remedy)


def within_ranges(entry: Entry, study: StudyConfig) -> Entry:
    """The entry, with values of its sample that are outside their range by a rounding error moved to its end."""
    ranges = {one.key: (one.low, one.high) for one in study.space}
    sample = {key: min(max(value, ranges[key][0]), ranges[key][1]) for key, value in entry.sample.items()}
    return entry if sample == entry.sample else entry.model_copy(update={"sample": sample})


def _is_within(value: float, low: float, high: float) -> bool:
    slack = SLACK * max(abs(low), abs(high))
    return low - slack <= value <= high + slack
