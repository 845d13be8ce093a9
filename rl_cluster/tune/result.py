"""The results of a study: trials, tests, and the settings that it recommends."""

from dataclasses import dataclass
from pathlib import Path

from rl_cluster.config.schema import Config
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.search_space import apply_sample

__all__ = ["StudyResult", "in_order"]


@dataclass(frozen=True, slots=True)
class StudyResult:
    """The results of a study, complete or so far."""

    config: Config
    folder: Path
    trials: tuple[Entry, ...]
    """best first, failed ones last"""
    tests: tuple[Entry, ...]
    """with test seeds: the given settings, then the best ones; empty without tests"""
    is_whole: bool
    """False = it was stopped before all trials and tests had ended"""

    @property
    def failed(self) -> tuple[Entry, ...]:
        """Trials and tests that died more often than they are restarted."""
        return tuple(entry for entry in (*self.trials, *self.tests) if entry.status == "failed")

    @property
    def has_winner(self) -> bool:
        """Whether there is something to recommend: a scored trial, and scored tests if the study has tests."""
        scored = [entry.is_scored for entry in (*self.trials[:1], *self.tests)]
        return self.is_whole and bool(self.trials) and all(scored)

    @property
    def is_given_as_good(self) -> bool:
        """Whether the given settings are at least as good as the best trial's with the test seeds."""
        if not self.tests or not self.has_winner:
            return False
        given, best = (test.score for test in self.tests)
        assert given is not None
        assert best is not None
        return given >= best

    @property
    def recommended(self) -> Config:
        """The settings to train with: the given ones, unless a trial's are better."""
        sample = {} if self.is_given_as_good else self.trials[0].sample
        config = apply_sample(self.config, sample)
        return config.model_copy(update={"name": f"{self.config.name}-best"[:64], "study": None})


def in_order(trials: list[Entry]) -> tuple[Entry, ...]:
    """Trials that trained longest first, because scores of trials that were ended early come from less training.

    Failed trials come last, whatever their scores were.
    """

    def key(trial: Entry) -> tuple[bool, int, float]:
        return trial.status != "failed", trial.rounds, trial.score or 0.0

    return tuple(sorted(trials, key=key, reverse=True))
