"""One stretch of a study on Ray Tune: trials run to their ends, or to the end of their round if they are to stop.

Tune writes its own files to a separate folder, a new one for each stretch, which is never read. The journal holds what
has happened; only this module writes it.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow.fs import LocalFileSystem
from ray import tune
from ray.tune import Callback, CheckpointConfig, Stopper
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from rl_cluster.config.load import to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.metrics.names import STAGE
from rl_cluster.rllib.placement.plan import NodeResources
from rl_cluster.tune.entry import Entry, noted_score
from rl_cluster.tune.journal import Journal, num_rounds
from rl_cluster.tune.queue import TrialQueue
from rl_cluster.tune.search_space import sampled, study_of
from rl_cluster.tune.trial import DIVERGED, HELD, ROUNDS, SAMPLE, SEED_SCORE, STAGE_ROUNDS, StudyTrial
from rl_cluster.tune.trial_room import num_at_once, trial_pieces
from rl_cluster.tune.trial_store import TRIALS

__all__ = ["Session"]

KEPT_POINTERS = 5
"""With two, Tune's PBT looks for checkpoints that are gone."""
MAX_FAILURES = 2
"""Restarts of a trial whose process or node dies."""


@dataclass(frozen=True, slots=True)
class Session:
    """The parts that all stretches of one process share."""

    config: Config
    folder: Path
    """the study's folder, absolute"""
    journal: Journal
    report: Callable[[Entry], None]
    """called with every trial that has ended or failed"""
    is_stopped: Callable[[], bool]
    """called often; True = trials end after their round, and no more begin"""
    nodes: Sequence[NodeResources] | None
    """no more trials train at a time than they hold; None = as many as the study allows"""

    def num_at_once(self, num_runs: int) -> int:
        """How many trials of so many runs train at a time. Raises ClusterError if the nodes can never hold one."""
        if self.nodes is None:
            return study_of(self.config).max_concurrent
        return num_at_once(self.config, num_runs, self.nodes)

    def run(self, kind: str, seeds: Sequence[int], queue: TrialQueue, scheduler: TrialScheduler) -> None:
        """Runs all trials of a queue. Runs none, and needs no Ray, if the study is already to stop.

        Args:
            kind: `search` or `test`: the name of Tune's folder.
            seeds: Seeds of the runs of each trial.
            queue: The trials.
            scheduler: Ends them, or changes them.
        """
        if self.is_stopped():
            return
        study, watcher = study_of(self.config), _Watcher(self)
        rounds = {trial: entry.rounds for trial, entry in self.journal.last.items()}
        shared = {
            "run": to_yaml(_with_absolute_store(self.config)),
            "study": self.folder.name,
            "seeds": list(seeds),
            "trials": str(self.folder / TRIALS),
            "resumed": rounds,
        }
        with _environment(_tune_settings(study.max_concurrent)), warnings.catch_warnings():
            # PB2's Gaussian process warns while it has few trials
            warnings.filterwarnings("ignore", message="The optimal value found for dimension")
            tune.run(
                tune.with_resources(StudyTrial, trial_pieces(self.config, 0)[0].resources),
                name=self._new_name(kind),
                storage_path=str(self.folder),
                storage_filesystem=LocalFileSystem(),  # otherwise Tune takes the path for a URI
                config=shared,
                search_alg=queue,
                scheduler=scheduler,
                stop=watcher.stopper,
                callbacks=[watcher],
                checkpoint_config=CheckpointConfig(checkpoint_frequency=1, num_to_keep=KEPT_POINTERS),
                max_failures=MAX_FAILURES,
                raise_on_failed_trial=False,
                reuse_actors=True,
                verbose=0,
            )

    def _new_name(self, kind: str) -> str:
        """The first unused name of search, search-2, .."""
        number = 1
        while os.path.lexists(self.folder / (name := kind if number == 1 else f"{kind}-{number}")):
            number += 1
        return name


class _Stopper(Stopper):
    """Ends a trial after its current round, and Tune when no trial is in a round any more."""

    def __init__(self, is_stopped: Callable[[], bool]) -> None:
        self._is_stopped = is_stopped
        self.is_any_running = False

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002 - Tune's interface
        return self._is_stopped()

    def stop_all(self) -> bool:
        return self._is_stopped() and not self.is_any_running


class _Watcher(Callback):
    """Records in the journal what happens to trials."""

    def __init__(self, session: Session) -> None:
        self._session, self._last_round = session, num_rounds(session.config)
        self.stopper = _Stopper(session.is_stopped)

    def on_step_begin(self, iteration: int, trials: list[Trial], **_: Any) -> None:  # noqa: ARG002 - Tune's interface
        """Tune calls it in each turn of its loop."""
        self.stopper.is_any_running = any(trial.status == Trial.RUNNING for trial in trials)

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:  # noqa: ARG002 - Tune's interface
        """Tune calls it when a trial begins or resumes."""
        last = self._session.journal.last.get(trial.trial_id)
        if not last or last.status != "trains":
            self._session.journal.note(last.model_copy(update={"status": "trains"}) if last else _begun(trial))

    def on_trial_result(
        self,
        iteration: int,  # noqa: ARG002 - Tune's interface
        trials: list[Trial],  # noqa: ARG002 - Tune's interface
        trial: Trial,
        result: dict[str, Any],
        **_: Any,
    ) -> None:
        """Tune calls it when a trial has ended a round."""
        self._session.journal.note(_entry(trial.trial_id, result))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:  # noqa: ARG002 - Tune's interface
        """Tune calls it when a trial is done or stopped: for good by its scheduler, for a while by the user."""
        last = self._session.journal.last.get(trial.trial_id)
        if last and (last.rounds == self._last_round or not self._session.is_stopped()):
            self._end(last, "ended")

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:  # noqa: ARG002 - Tune's interface
        """Tune calls it when a trial has died once too often."""
        self._end(self._session.journal.last.get(trial.trial_id) or _begun(trial), "failed")

    def _end(self, last: Entry, status: str) -> None:
        entry = last.model_copy(update={"status": status})
        self._session.journal.note(entry)
        self._session.report(entry)


def _with_absolute_store(config: Config) -> Config:
    """The settings with MLflow's file named from the root: trials run in folders of their own."""
    scheme, found, path = config.monitoring.mlflow_uri.partition("sqlite:///")
    if not found or scheme or path.startswith("/"):
        return config
    monitoring = config.monitoring.model_copy(update={"mlflow_uri": f"sqlite:///{Path.cwd() / path}"})
    return config.model_copy(update={"monitoring": monitoring})


def _begun(trial: Trial) -> Entry:
    return Entry(
        trial=trial.trial_id, status="trains", sample=sampled(trial.config), rounds=0, scores={},
        stage=1.0, stage_rounds=0, held=0.0, diverged=0.0,
    )  # fmt: skip


def _entry(trial: str, result: Mapping[str, Any]) -> Entry:
    scores = {
        key.removeprefix(SEED_SCORE): noted_score(float(score))
        for key, score in result.items()
        if key.startswith(SEED_SCORE)
    }
    return Entry(
        trial=trial, status="trains", sample=result[SAMPLE], rounds=result[ROUNDS], scores=scores,
        stage=result[STAGE], stage_rounds=result[STAGE_ROUNDS], held=result[HELD], diverged=result[DIVERGED],
    )  # fmt: skip


def _tune_settings(max_concurrent: int) -> dict[str, str]:
    return {
        "RAY_AIR_NEW_OUTPUT": "0",  # its tables would mix with ours
        "TUNE_DISABLE_SIGINT_HANDLER": "1",  # what it does at Ctrl-C looks like an end
        "TUNE_MAX_PENDING_TRIALS_PG": str(max_concurrent),  # otherwise trials of a search begin one after the other
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets the environment variables that Tune reads, and restores them at the end."""
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
