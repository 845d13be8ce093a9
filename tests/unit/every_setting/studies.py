"""Observers of a study: what is searched, who is ended, and what becomes of the trials.

Tune needs a Ray. Here a loop in this process stands in for it: trials train in turns, a round at a time.
"""

import random
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
from ray import tune
from ray.tune.experiment import Experiment, Trial
from ray.tune.result import TRIAL_INFO
from ray.tune.schedulers import TrialScheduler

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError, ConfigError
from rl_cluster.metrics.names import STAGE
from rl_cluster.rllib.placement.plan import NodeResources
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.scheduling import make_scheduler, recall
from rl_cluster.tune.search import make_search
from rl_cluster.tune.search_space import searched, study_of
from rl_cluster.tune.study import run_study
from rl_cluster.tune.study_folder import begin_study
from rl_cluster.tune.trial import DIVERGED, HELD, ROUNDS, SCORE, STAGE_ROUNDS
from rl_cluster.tune.trial_room import num_at_once, trial_pieces

NUM_SAMPLES, NUM_TRIALS = 14, 12


def samples(config: Config) -> Any:
    """What a search proposes while it hears that smaller values score better."""
    study = study_of(config)
    search = make_search(study, config.seed)
    seen = []
    for number in range(NUM_SAMPLES):
        sample = search.ask(number)
        search.tell(number, -sum(sample.values()))
        seen.append(searched(config, sample))
    return seen


def verdicts(config: Config) -> Any:
    """Which scheduler judges, whom it ends in which round, and whom it would have ended before it was interrupted."""
    draw, scheduler, seen, entries = random.Random(5), make_scheduler(config), list[Any](), list[Entry]()
    tune_controller: Any = SimpleNamespace(get_trials=list)
    trials: list[Any] = [SimpleNamespace(trial_id=f"{number:05d}") for number in range(NUM_TRIALS)]
    for trial in trials:
        scheduler.on_trial_add(tune_controller, trial)
    for rounds in range(1, NUM_TRIALS):
        for trial in trials:
            score = draw.random()
            result = {ROUNDS: rounds, STAGE_ROUNDS: rounds, STAGE: 1.0, SCORE: score, HELD: 0.0, DIVERGED: 0.0}
            seen.append(scheduler.on_trial_result(tune_controller, trial, result))
            entries.append(_entry(trial.trial_id, rounds, score))
    return type(scheduler).__name__, seen, sorted(recall(make_scheduler(config), entries))


def _entry(trial: str, rounds: int, score: float) -> Entry:
    return Entry(
        trial=trial, status="trains", sample={}, rounds=rounds, scores={"1": score}, stage=1.0, stage_rounds=rounds,
        held=0.0, diverged=0.0,
    )  # fmt: skip


def room(config: Config) -> Any:
    """Whether a node of two CPUs can hold a trial."""
    try:
        num_at_once(config, 1, [NodeResources(2.0, 0.0)])
    except ClusterError as error:
        return error.what
    return None


def reserved(config: Config) -> Any:
    """What Ray reserves for a trial of two seeds."""
    return [piece.resources for piece in trial_pieces(config, 2)]


class _InTurns:
    """Runs what `tune.run` is given, and notes on what, and who trains beside whom."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __call__(
        self, trainable: Any, *, config: Any, search_alg: Any, scheduler: Any, callbacks: Any, **_: Any
    ) -> None:
        common = {"checkpoint_config": None, "max_failures": 0, "storage": None}
        spec = {"run": Experiment.register_if_needed(trainable), "config": config, **common}
        search_alg.add_configurations([SimpleNamespace(spec=spec)])
        self.seen.append(trainable.default_resource_request(config).required_resources)
        (watcher,), live = callbacks, dict[Trial, Any]()
        while True:
            while trial := search_alg.next_trial():
                names = SimpleNamespace(trial_id=trial.trial_id, trial_name=trial.trial_id)
                live[trial] = trainable({**trial.config, TRIAL_INFO: names})
                scheduler.on_trial_add(None, trial)
                watcher.on_trial_start(0, [], trial)
            if not live:
                return
            self.seen.append([trial.trial_id for trial in live])
            for trial, training in list(live.items()):
                result = training.step()
                watcher.on_trial_result(0, [], trial, result)
                is_over = result["done"] or scheduler.on_trial_result(None, trial, result) == TrialScheduler.STOP
                if is_over:
                    training.stop()
                    watcher.on_trial_complete(0, [], trial)
                    search_alg.on_trial_complete(trial.trial_id, result)
                    del live[trial]


def study(config: Config) -> Any:
    """All that becomes of a study, or why there is none."""
    in_turns = _InTurns()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune, "run", in_turns)
        try:
            place = begin_study(config, Path(folder) / "study")
        except ConfigError as error:
            return error.what
        result = run_study(config, place, lambda entry: None)
    return in_turns.seen, [entry.model_dump() for entry in (*result.trials, *result.tests)]
