"""The lines of a study in progress: how many of its trials have ended, how long the others take, and the last score."""

from collections.abc import Collection

from rl_cluster.cli.views.display import duration, fitted
from rl_cluster.config.schema import Config
from rl_cluster.errors import counted
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.report import trial_words
from rl_cluster.tune.search_space import study_of

__all__ = ["StudyProgress"]


class StudyProgress:
    """Counts the trials that have ended.

    Args:
        config: Settings of the study.
        ended: Names of the trials and tests that an earlier process has ended.
        at_once: How many trials train at a time.
        begin_s: Now, by a clock that never goes back.
    """

    def __init__(self, config: Config, ended: Collection[str], at_once: int, begin_s: float) -> None:
        study = study_of(config)
        self._ended, self._begin_s, self._num_new = set(ended), begin_s, 0
        self._num_tests = 2 if study.num_test_seeds else 0
        self._total = study.num_trials + self._num_tests
        self._at_once = at_once

    def extent(self) -> str:
        """What the study is about to do."""
        tests = f", then {self._num_tests} tests" if self._num_tests else ""
        done = f"; {len(self._ended)} have ended before" if self._ended else ""
        return f"{counted(self._total - self._num_tests, 'trial')}, {self._at_once} at a time{tests}{done}"

    def line(self, trial: Entry, now_s: float) -> str:
        """A line of 80 columns about a trial or test that has just ended. The time left follows from the pace."""
        self._ended.add(trial.trial)
        self._num_new += 1
        num_left = max(0, self._total - len(self._ended))
        left_s = (now_s - self._begin_s) / self._num_new * num_left
        return fitted([f"{len(self._ended)} of {self._total}", f"left {duration(left_s)}", *trial_words(trial)])
