"""The trials for Tune to run, in Tune's terms: in order, a limited number at a time, under our own names."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ray.tune.experiment import Experiment, Trial
from ray.tune.search import SearchAlgorithm

from rl_cluster.tune.trial import SCORE

__all__ = ["Planned", "TrialQueue"]


class Planned(NamedTuple):
    """A trial to train or to resume."""

    name: str
    values: Mapping[str, float]
    """its sample, by the keys that the scheduler knows"""


class TrialQueue(SearchAlgorithm):
    """Hands out trials until there are no more, or until the study is to stop.

    Tune may ask a search for as many trials as there is room for, and names them itself. Our trials have names by which
    a later process recognises them.

    Args:
        trials: The trials. Each is made only when there is room for it, because a search then knows more.
        count: The number of `trials`.
        max_live: The most trials that have begun and not ended.
        is_stopped: Called before each trial; True = no more.
        tell: Called when a trial has ended, with its name and its last score; None if it failed or was never scored.
    """

    def __init__(
        self,
        trials: Iterable[Planned],
        count: int,
        max_live: int,
        is_stopped: Callable[[], bool],
        tell: Callable[[str, float | None], None],
    ) -> None:
        self._trials, self._left, self._max_live = iter(trials), count, max_live
        self._is_stopped, self._tell = is_stopped, tell
        self._live: set[str] = set()
        self._spec: dict[str, Any] = {}

    @property
    def total_samples(self) -> int:
        """The number of trials, for Tune's own log."""
        return self._left + len(self._live)

    def add_configurations(self, experiments: list[Experiment]) -> None:
        """Takes from Tune what all trials have in common."""
        (experiment,) = experiments
        self._spec = experiment.spec

    def next_trial(self) -> Trial | None:
        """The next trial, or None. Tune calls it again and again."""
        if self.is_finished() or len(self._live) >= self._max_live:
            return None
        name, values = next(self._trials)
        self._left -= 1
        self._live.add(name)
        spec = self._spec
        return Trial(
            spec["run"],
            trial_id=name,
            experiment_tag=name,
            config={**spec["config"], **values},
            evaluated_params=dict(values),
            placement_group_factory=spec.get("resources_per_trial"),
            checkpoint_config=spec["checkpoint_config"],
            max_failures=spec["max_failures"],
            storage=spec["storage"],
        )

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tune calls it when a trial has ended."""
        self._live.discard(trial_id)
        self._tell(trial_id, None if error or not result else result.get(SCORE))

    def is_finished(self) -> bool:
        """Whether all trials have been handed out."""
        return not self._left or self._is_stopped()
