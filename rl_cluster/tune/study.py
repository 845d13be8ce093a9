"""A study: trials on Ray Tune, then the best settings and the given ones once more, with seeds of their own.

STUDY/{search/, test/, best.yaml}: what Tune writes, from which a study that was killed goes on; the best settings, as a
file that `train` takes. `report.py` adds tables and a plot.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ray import tune
from ray.tune import CheckpointConfig, FailureConfig, ResultGrid, RunConfig, TuneConfig, Tuner
from ray.tune.callback import Callback

from rl_cluster.config.load import to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.training.output_file import write_output
from rl_cluster.tune.search import make_scheduler, make_search
from rl_cluster.tune.search_space import SAMPLE, apply_sample, sampled, study_of, tune_space
from rl_cluster.tune.trial import SCORE, StudyTrial

__all__ = ["StudyResult", "TrialResult", "run_study"]

TUNE_SETTINGS = {
    "TUNE_GLOBAL_CHECKPOINT_S": "1",  # else a study that is killed forgets what it did in the last minutes
    "RAY_AIR_NEW_OUTPUT": "0",  # its tables would stand between ours
}
KEPT_CHECKPOINTS = 5
"""With two, Tune's PBT looks for checkpoints that are gone."""
MAX_FAILURES = 2
"""Of a trial whose process or node dies."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What has become of a trial."""

    name: str
    sample: dict[str, float]
    """key -> value; empty = the given settings"""
    score: float | None
    """None = it was never scored"""
    rounds: int
    scores: dict[str, float]
    """seed -> its last evaluation"""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study has found."""

    config: Config
    trials: tuple[TrialResult, ...]
    """best first"""
    tests: tuple[TrialResult, ...]
    """with test seeds: the given settings, then the best ones; empty if none were asked for"""

    @property
    def best(self) -> Config:
        """The best settings, for `train`."""
        best = apply_sample(self.config, self.trials[0].sample)
        return best.model_copy(update={"name": f"{self.config.name}-best"[:64], "study": None})


def run_study(config: Config, folder: Path, report: Callable[[TrialResult], None]) -> StudyResult:
    """Searches, or goes on searching, then tests; Ray must be connected. Writes what the folder is to hold.

    Args:
        report: Told of every trial that has ended.
    """
    _Reporter.report = staticmethod(report)
    with _environment(TUNE_SETTINGS), warnings.catch_warnings():
        # PB2's Gaussian process complains while it has few trials to go by
        warnings.filterwarnings("ignore", message="The optimal value found for dimension")
        study = study_of(config)
        constants = {"run": to_yaml(config), "seeds": list(study.seeds)}
        settings = TuneConfig(
            search_alg=make_search(study, config.seed),
            scheduler=make_scheduler(config),
            num_samples=study.num_trials,
            max_concurrent_trials=study.max_concurrent,
            reuse_actors=True,
        )
        grid = _fit(config, folder / "search", {**constants, **tune_space(config)}, settings)
        trials = sorted(map(_result, grid), key=_order, reverse=True)
        if trials[0].score is None:
            raise ConfigError(str(folder), "no trial came to its first score", f"see the errors in {folder / 'search'}")
        result = StudyResult(config, tuple(trials), ())
        if study.test_seeds:
            result = StudyResult(config, tuple(trials), _test(result, folder))
    write_output(folder / "best.yaml", to_yaml(result.best).encode())
    return result


def _test(result: StudyResult, folder: Path) -> tuple[TrialResult, ...]:
    """The given settings and the best ones, with seeds that chose nothing."""
    study = study_of(result.config)
    samples = [{}, result.trials[0].sample]
    space = {"run": to_yaml(result.config), "seeds": list(study.test_seeds), SAMPLE: tune.grid_search(samples)}
    settings = TuneConfig(max_concurrent_trials=study.max_concurrent, reuse_actors=True)
    tests = [_result(one) for one in _fit(result.config, folder / "test", space, settings)]
    return tuple(sorted(tests, key=lambda test: len(test.sample)))


def _fit(config: Config, folder: Path, space: Mapping[str, Any], settings: TuneConfig) -> ResultGrid:
    """Runs all trials to their ends, from where the folder says that they are."""
    study = study_of(config)
    trainable = tune.with_resources(StudyTrial, {"CPU": study.cpus_per_trial, "GPU": study.gpus_per_trial})
    if Tuner.can_restore(str(folder)):
        tuner = Tuner.restore(
            str(folder), trainable, resume_unfinished=True, restart_errored=True, param_space=dict(space)
        )
        return tuner.fit()
    tuner = Tuner(
        trainable,
        param_space=dict(space),
        tune_config=settings,
        run_config=RunConfig(
            name=folder.name,
            storage_path=str(folder.parent.absolute()),
            checkpoint_config=CheckpointConfig(checkpoint_frequency=1, num_to_keep=KEPT_CHECKPOINTS),
            failure_config=FailureConfig(max_failures=MAX_FAILURES),
            callbacks=[_Reporter()],
            verbose=0,
        ),
    )
    return tuner.fit()


class _Reporter(Callback):
    """Tells of trials that have ended."""

    report: ClassVar[Callable[[TrialResult], None]]
    """Of the class: Tune pickles its callbacks, and a study that goes on tells another process."""

    def on_trial_complete(self, iteration: int, trials: Sequence[Any], trial: Any, **_: Any) -> None:  # noqa: ARG002
        """Tune calls this when a trial is done or stopped."""
        type(self).report(_trial_result(trial.trial_id, trial.config, trial.last_result))


def _result(result: Any) -> TrialResult:
    last = result.metrics or {}
    return _trial_result(str(last.get("trial_id", Path(result.path).name)), result.config or {}, last)


def _trial_result(name: str, settings: Mapping[str, Any], last: Mapping[str, Any]) -> TrialResult:
    scores = {
        key.removeprefix("score_seed_"): float(value) for key, value in last.items() if key.startswith("score_seed_")
    }
    score = float(last[SCORE]) if SCORE in last else None
    return TrialResult(name, sampled(settings), score, last.get("training_iteration", 0), scores)


def _order(trial: TrialResult) -> tuple[bool, int, float]:
    """Trials that went on longest first: scores of those that were ended early are of less training."""
    return trial.score is not None, trial.rounds, trial.score or 0.0


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets what Tune reads, for a while."""
    former = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
