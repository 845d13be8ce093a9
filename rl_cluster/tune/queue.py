"""The trials that Tune is to run, in Tune's terms: one after the other, so many at a time, under names of our own."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ray.tune.experiment import Experiment, Trial
from ray.tune.search import SearchAlgorithm

from rl_cluster.tune.trial import SCORE

__all__ = ["Planned", "TrialQueue"]


class Planned(NamedTuple):
    """A trial that is to be trained, or to go on."""

    name: str
    values: Mapping[str, float]
    """its sample, by the keys that the scheduler knows"""


class TrialQueue(SearchAlgorithm):
    """Hands out trials until there are no more, or until the study is to stop.

    Tune may ask a search for as many trials as there is room for, and names them itself; ours have names that a later
    process knows them by.

    Args:
        trials: Made one by one, when there is room for it: a search then knows more.
        count: Of all `trials`.
        max_live: Trials that have begun and not ended.
        is_stopped: Asked before each; True = no more.
        tell: Told of a trial that has ended: its name, and its last score, None if it failed or was never scored.
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
        """For Tune's own log."""
        return self._left + len(self._live)

    def add_configurations(self, experiments: list[Experiment]) -> None:
        """Tune says what all trials have in common."""
        (experiment,) = experiments
        self._spec = experiment.spec

    def next_trial(self) -> Trial | None:
        """Tune asks again and again."""
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
        """Tune says that a trial has ended."""
        self._live.discard(trial_id)
        self._tell(trial_id, None if error or not result else result.get(SCORE))

    def is_finished(self) -> bool:
        """Whether all have been handed out."""
        return not self._left or self._is_stopped()
